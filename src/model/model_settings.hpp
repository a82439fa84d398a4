/// The `model:` section of the configuration, with the keys of the Python one: the
/// model's sizes and its vocabulary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "config/schema.hpp"
#include "model/model_options.hpp"

namespace ctclip {

struct ModelSettings {
    ModelOptions model;
    std::int64_t image_size = 480;  ///< voxels of the square slices
    std::int64_t patch_size = 20;
    std::string image_encoder_type = "CTViT";
    std::string text_encoder_type = "BiomedBERT";
    std::filesystem::path text_encoder_path;  ///< Python's folder of the text encoder: its vocab.txt is used
    std::filesystem::path vocab_file;         ///< wins over text_encoder_path
    bool do_lower_case = true;
    std::int64_t max_length = 512;    ///< tokens of a report, [CLS] and [SEP] included
    std::int64_t dim_image = 0;       ///< 0: follows from the sizes; else must equal it
    std::int64_t dim_text = 0;        ///< 0: hidden_size; else must equal it
    std::filesystem::path init_from;  ///< checkpoint or weight file that training starts from

    void bind(Schema& schema);
    /// @throws Error kBadConfig when neither vocab_file nor text_encoder_path is set.
    std::filesystem::path vocabulary_path() const;
    /// The model's sizes with the vocabulary's. @throws Error kBadConfig as ModelOptions::validate.
    ModelOptions options(std::int64_t vocab_size) const;

  private:
    bool use_flash_attention_ = false;
    bool use_rms_norm_ = false;
    bool use_swiglu_ = false;
    bool extra_latent_projection_ = false;
    bool use_mlm_ = false;
    bool downsample_image_embeds_ = false;
    bool use_all_token_embeds_ = false;
};

}  // namespace ctclip
