#include "model/model_settings.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace ctclip {
namespace {

void bind_size(Schema& schema, std::string const& key, std::int64_t& target, std::string const& help) {
    schema.key(key, target, help).positive();
}

/// A switch of the Python configuration whose `true` is another model than CT-CLIP's published one.
void bind_switch_that_must_be_off(Schema& schema, std::string const& key, bool& target) {
    schema.key(key, target, "must be false: the published CT-CLIP does not have it");
    schema.rule(key, [&target] {
        return std::string(
            target ? "true is not supported: the published CT-CLIP does not have it, and its weights "
                     "would not fit. Set it to false"
                   : "");
    });
}

void bind_image_encoder(Schema& schema, ModelSettings& settings) {
    ImageEncoderOptions& image = settings.model.image;
    std::string const section = "model.image_encoder.";
    schema.key(section + "type", settings.image_encoder_type, "kind of image encoder").choices({"CTViT"});
    bind_size(schema, section + "dim", image.dim, "channels of a token");
    bind_size(schema, section + "codebook_size", image.codebook_size, "codes of the vector quantiser");
    bind_size(schema, section + "image_size", settings.image_size, "rows and columns of the model's input");
    bind_size(schema, section + "patch_size", settings.patch_size, "rows and columns of a patch");
    bind_size(schema, section + "temporal_patch_size", image.temporal_patch_size, "slices of a patch");
    bind_size(schema, section + "spatial_depth", image.spatial_depth, "layers of the spatial transformer");
    bind_size(schema, section + "temporal_depth", image.temporal_depth, "layers of the temporal transformer");
    bind_size(schema, section + "dim_head", image.dim_head, "channels of an attention head");
    bind_size(schema, section + "heads", image.heads, "attention heads");
}

void bind_text_encoder(Schema& schema, ModelSettings& settings) {
    TextEncoderOptions& text = settings.model.text;
    std::string const section = "model.text_encoder.";
    schema.key(section + "type", settings.text_encoder_type, "kind of text encoder").choices({"BiomedBERT"});
    schema.key(section + "path", settings.text_encoder_path, "folder that holds vocab.txt, as in Python");
    schema.key(section + "vocab_file", settings.vocab_file, "WordPiece vocabulary; wins over path");
    schema.key(section + "do_lower_case", settings.do_lower_case,
               "must be true: the tokenizer is the uncased one");
    schema.rule(section + "do_lower_case", [&settings] {
        return std::string(
            settings.do_lower_case ? "" : "false is not supported: the tokenizer is the uncased one");
    });
    schema.key(section + "max_length", settings.max_length, "tokens of a report, [CLS] and [SEP] included")
        .min(2);
    bind_size(schema, section + "hidden_size", text.hidden_size, "channels of a token");
    bind_size(schema, section + "num_layers", text.num_layers, "encoder layers");
    bind_size(schema, section + "num_heads", text.num_heads, "attention heads");
    bind_size(schema, section + "intermediate_size", text.intermediate_size,
              "width of the feed-forward layers");
    bind_size(schema, section + "max_positions", text.max_positions, "longest token sequence");
    schema.key(section + "dropout", text.dropout, "of hidden states and attention").min(0.0).max(0.99);
    schema.rule(section + "max_length", [&settings] {
        return settings.max_length <= settings.model.text.max_positions
                   ? std::string()
                   : fmt::format("{} tokens do not fit model.text_encoder.max_positions = {}",
                                 settings.max_length, settings.model.text.max_positions);
    });
}

}  // namespace

void ModelSettings::bind(Schema& schema) {
    bind_image_encoder(schema, *this);
    bind_switch_that_must_be_off(schema, "model.image_encoder.use_flash_attention", use_flash_attention_);
    bind_switch_that_must_be_off(schema, "model.image_encoder.use_rms_norm", use_rms_norm_);
    bind_switch_that_must_be_off(schema, "model.image_encoder.use_swiglu", use_swiglu_);
    bind_text_encoder(schema, *this);
    schema.key("model.clip.dim_image", dim_image, "width of the pooled image; 0: as the sizes give it")
        .min(0);
    schema.rule("model.clip.dim_image", [this] {
        std::int64_t const grid = image_size / patch_size;
        std::int64_t const expected = grid * grid * model.image.dim;
        return dim_image == 0 || dim_image == expected
                   ? std::string()
                   : fmt::format("{} disagrees with the image encoder, which gives {} (= ({} / {})^2 x {})",
                                 dim_image, expected, image_size, patch_size, model.image.dim);
    });
    schema.key("model.clip.dim_text", dim_text, "width of the text; 0: hidden_size").min(0);
    schema.rule("model.clip.dim_text", [this] {
        return dim_text == 0 || dim_text == model.text.hidden_size
                   ? std::string()
                   : fmt::format("{} disagrees with model.text_encoder.hidden_size = {}", dim_text,
                                 model.text.hidden_size);
    });
    bind_size(schema, "model.clip.dim_latent", model.dim_latent, "width of the shared latent space");
    bind_switch_that_must_be_off(schema, "model.clip.extra_latent_projection", extra_latent_projection_);
    bind_switch_that_must_be_off(schema, "model.clip.use_mlm", use_mlm_);
    bind_switch_that_must_be_off(schema, "model.clip.downsample_image_embeds", downsample_image_embeds_);
    bind_switch_that_must_be_off(schema, "model.clip.use_all_token_embeds", use_all_token_embeds_);
    schema.choice("model.clip.loss_type", model.loss_type,
                  {{"softmax", LossType::kSoftmax}, {"siglip", LossType::kSiglip}}, "contrastive loss");
    schema.key("model.init_from", init_from, "checkpoint, .safetensors or .pt that training starts from");
}

std::filesystem::path ModelSettings::vocabulary_path() const {
    if (!vocab_file.empty()) {
        return vocab_file;
    }
    require(!text_encoder_path.empty(), ExitCode::kBadConfig,
            "model.text_encoder.vocab_file is not set: reports cannot be turned into tokens. Give the "
            "vocab.txt of the "
            "text encoder");
    return text_encoder_path / "vocab.txt";
}

ModelOptions ModelSettings::options(std::int64_t vocab_size) const {
    ModelOptions options = model;
    options.image.image_height = image_size;
    options.image.image_width = image_size;
    options.image.patch_height = patch_size;
    options.image.patch_width = patch_size;
    options.text.vocab_size = vocab_size;
    options.validate();
    return options;
}

}  // namespace ctclip
