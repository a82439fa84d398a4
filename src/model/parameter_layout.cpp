#include "model/parameter_layout.hpp"

#include <fmt/format.h>

#include <utility>

namespace ctclip {
namespace {

class LayoutBuilder {
  public:
    explicit LayoutBuilder(ModelOptions const& options) : options_(options) {}

    std::vector<ParameterSpec> build() {
        add({.name = "temperature", .shape = {}, .initialisation = Initialisation::kOnes});
        add_text_encoder();
        add_image_encoder();
        add_latents();
        if (options_.loss_type == LossType::kSiglip) {
            add({.name = "logit_bias", .shape = {}, .initialisation = Initialisation::kMinusTen});
        }
        return std::move(specs_);
    }

  private:
    void add(ParameterSpec spec) {
        if (spec.use == ParameterUse::kUnused) {
            spec.may_be_absent = true;
            if (spec.shape.size() > 1) {
                spec.initialisation = Initialisation::kZeros;  // large, and no one reads it
            }
        }
        specs_.push_back(std::move(spec));
    }

    void add_norm(std::string const& name, std::int64_t dim, ParameterUse use = ParameterUse::kUsed) {
        add({.name = name + ".weight", .shape = {dim}, .use = use, .initialisation = Initialisation::kOnes});
        add({.name = name + ".bias", .shape = {dim}, .use = use});
    }

    /// CTViT's norm: a learned gain and a buffer of zeros.
    void add_gain_norm(std::string const& name, std::int64_t dim, ParameterUse use = ParameterUse::kUsed) {
        add({.name = name + ".gamma", .shape = {dim}, .use = use, .initialisation = Initialisation::kOnes});
        add({.name = name + ".beta",
             .shape = {dim},
             .kind = ParameterKind::kBuffer,
             .use = use,
             .may_be_absent = true});
    }

    void add_weight(std::string const& name, Shape shape, ParameterUse use = ParameterUse::kUsed) {
        std::int64_t const fan_in = element_count({shape.begin() + 1, shape.end()});
        add({.name = name + ".weight",
             .shape = std::move(shape),
             .use = use,
             .initialisation = Initialisation::kUniformFanIn,
             .fan_in = fan_in});
    }

    void add_linear(std::string const& name, std::int64_t out, std::int64_t in,
                    ParameterUse use = ParameterUse::kUsed) {
        add_weight(name, {out, in}, use);
        add_bias(name, out, in, use);
    }

    void add_bias(std::string const& name, std::int64_t out, std::int64_t fan_in,
                  ParameterUse use = ParameterUse::kUsed) {
        add({.name = name + ".bias",
             .shape = {out},
             .use = use,
             .initialisation = Initialisation::kUniformFanIn,
             .fan_in = fan_in});
    }

    /// BERT's: normal weight, bias 0.
    void add_bert_linear(std::string const& name, std::int64_t out, std::int64_t in,
                         ParameterUse use = ParameterUse::kUsed) {
        add({.name = name + ".weight",
             .shape = {out, in},
             .use = use,
             .initialisation = Initialisation::kNormal002});
        add({.name = name + ".bias", .shape = {out}, .use = use});
    }

    void add_embedding(std::string const& name, std::int64_t rows) {
        add({.name = name + ".weight",
             .shape = {rows, options_.text.hidden_size},
             .initialisation = Initialisation::kNormal002});
    }

    void add_text_encoder() {
        TextEncoderOptions const& text = options_.text;
        std::string const embeddings = "text_transformer.embeddings.";
        add({.name = embeddings + "position_ids",
             .shape = {1, text.max_positions},
             .kind = ParameterKind::kBuffer,
             .type = DType::kI64,
             .initialisation = Initialisation::kCounting,
             .may_be_absent = true});
        add_embedding(embeddings + "word_embeddings", text.vocab_size);
        add_embedding(embeddings + "position_embeddings", text.max_positions);
        add_embedding(embeddings + "token_type_embeddings", 2);
        add_norm(embeddings + "LayerNorm", text.hidden_size);
        for (std::int64_t i = 0; i < text.num_layers; ++i) {
            std::string const layer = fmt::format("text_transformer.encoder.layer.{}.", i);
            add_bert_linear(layer + "attention.self.query", text.hidden_size, text.hidden_size);
            add_bert_linear(layer + "attention.self.key", text.hidden_size, text.hidden_size);
            add_bert_linear(layer + "attention.self.value", text.hidden_size, text.hidden_size);
            add_bert_linear(layer + "attention.output.dense", text.hidden_size, text.hidden_size);
            add_norm(layer + "attention.output.LayerNorm", text.hidden_size);
            add_bert_linear(layer + "intermediate.dense", text.intermediate_size, text.hidden_size);
            add_bert_linear(layer + "output.dense", text.hidden_size, text.intermediate_size);
            add_norm(layer + "output.LayerNorm", text.hidden_size);
        }
        add_bert_linear("text_transformer.pooler.dense", text.hidden_size, text.hidden_size,
                        ParameterUse::kUnused);
    }

    void add_image_encoder() {
        ImageEncoderOptions const& image = options_.image;
        std::string const root = "visual_transformer.";
        std::int64_t const frame_voxels = image.patch_height * image.patch_width;
        std::int64_t const patch_voxels = image.patch().num_voxels();
        add_linear(root + "spatial_rel_pos_bias.net.0.0", image.dim, 2);
        add_linear(root + "spatial_rel_pos_bias.net.1.0", image.dim, image.dim);
        add_linear(root + "spatial_rel_pos_bias.net.2", image.heads, image.dim);
        add_patch_embedding(root + "to_patch_emb_first_frame", frame_voxels, ParameterUse::kUnused);
        add_patch_embedding(root + "to_patch_emb", patch_voxels, ParameterUse::kUsed);
        add_transformer(root + "enc_spatial_transformer", image.spatial_depth);
        add_transformer(root + "enc_temporal_transformer", image.temporal_depth);
        add_codebook(root + "vq._codebook");
        add_linear(root + "to_pixels_first_frame.0", frame_voxels, image.dim, ParameterUse::kUnused);
        add_linear(root + "to_pixels.0", patch_voxels, image.dim, ParameterUse::kUnused);
    }

    void add_patch_embedding(std::string const& name, std::int64_t voxels, ParameterUse use) {
        add_norm(name + ".1", voxels, use);
        add_linear(name + ".2", options_.image.dim, voxels, use);
        add_norm(name + ".3", options_.image.dim, use);
    }

    void add_transformer(std::string const& name, std::int64_t depth) {
        ImageEncoderOptions const& image = options_.image;
        for (std::int64_t i = 0; i < depth; ++i) {
            std::string const layer = fmt::format("{}.layers.{}.", name, i);
            add_weight(layer + "0.dsconv", {image.dim, 1, 3, 3, 3});
            add_bias(layer + "0.dsconv", image.dim, 27);
            add({.name = layer + "1.null_kv",
                 .shape = {image.heads, 0, image.dim_head},
                 .use = ParameterUse::kUnused});
            for (char const* scale : {"1.q_scale", "1.k_scale"}) {
                add({.name = layer + scale,
                     .shape = {image.dim_head},
                     .initialisation = Initialisation::kOnes});
            }
            add_gain_norm(layer + "1.norm", image.dim);
            add_gain_norm(layer + "1.context_norm", image.dim, ParameterUse::kUnused);
            add_weight(layer + "1.to_q", {image.inner_dim(), image.dim});
            add_weight(layer + "1.to_kv", {2 * image.inner_dim(), image.dim});
            add_weight(layer + "1.to_out", {image.dim, image.inner_dim()});
            add_norm(layer + "3.0", image.dim);
            add_weight(layer + "3.1", {2 * image.feed_forward_dim(), image.dim});
            add_weight(layer + "3.4", {image.dim, image.feed_forward_dim()});
        }
        add_gain_norm(name + ".norm_out", image.dim);
    }

    void add_codebook(std::string const& name) {
        std::int64_t const codes = options_.image.codebook_size;
        add({.name = name + ".initted",
             .shape = {1},
             .kind = ParameterKind::kBuffer,
             .use = ParameterUse::kUnused,
             .initialisation = Initialisation::kOnes});
        add({.name = name + ".cluster_size",
             .shape = {1, codes},
             .kind = ParameterKind::kBuffer,
             .use = ParameterUse::kUnused});
        add({.name = name + ".embed",
             .shape = {1, codes, options_.image.dim},
             .kind = ParameterKind::kBuffer,
             .initialisation = Initialisation::kCodebook});
    }

    void add_latents() {
        add_weight("to_text_latent", {options_.dim_latent, options_.text.hidden_size});
        add_weight("to_visual_latent", {options_.dim_latent, options_.dim_image()});
        add_weight("to_text_latent_extra", {options_.dim_latent, options_.text.hidden_size},
                   ParameterUse::kUnused);
        add_weight("to_visual_latent_extra", {options_.dim_latent, options_.dim_image()},
                   ParameterUse::kUnused);
    }

    ModelOptions const& options_;
    std::vector<ParameterSpec> specs_;
};

}  // namespace

std::vector<ParameterSpec> parameter_layout(ModelOptions const& options) {
    options.validate();
    return LayoutBuilder(options).build();
}

}  // namespace ctclip
