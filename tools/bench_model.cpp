#include "tools/bench_model.hpp"

namespace ctclip {

std::string_view name_of(BenchModel size) {
    return size == BenchModel::kFull ? "full" : "small";
}

ModelOptions bench_model_options(BenchModel size) {
    ModelOptions options;
    if (size == BenchModel::kSmall) {
        options.image = {.dim = 128,
                         .codebook_size = 512,
                         .image_height = 120,
                         .image_width = 120,
                         .spatial_depth = 2,
                         .temporal_depth = 2,
                         .heads = 4};
        options.text = {.vocab_size = 3000,
                        .hidden_size = 128,
                        .num_layers = 2,
                        .num_heads = 4,
                        .intermediate_size = 512};
        options.dim_latent = 128;
    }
    return options;
}

void bind_bench_model(Schema& schema, BenchModel& size) {
    schema
        .choice("size", size, {{"full", BenchModel::kFull}, {"small", BenchModel::kSmall}},
                "of the model and its volumes")
        .flag("--size");
}

}  // namespace ctclip
