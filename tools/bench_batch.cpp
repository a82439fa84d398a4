#include "tools/bench_batch.hpp"

#include "base/splitmix64.hpp"

namespace ctclip {

RandomBatch::RandomBatch(ModelOptions const& model, RandomBatchShape const& shape) {
    auto const side = static_cast<std::int32_t>(model.image.image_height);
    batch_.shape = {.num_rows = shape.num_rows,
                    .grid = {.shape_zxy = {static_cast<std::int32_t>(shape.frames), side, side}},
                    .num_tokens = shape.text_tokens};
    volumes_.resize(static_cast<std::size_t>(batch_.shape.num_voxels()));
    for (std::size_t i = 0; i < volumes_.size(); ++i) {
        volumes_[i] = static_cast<float>(2.0 * to_unit(splitmix64(1, i)) - 1.0);
    }
    batch_.volumes = volumes_;
    for (std::int64_t i = 0; i < shape.num_rows * shape.text_tokens; ++i) {
        auto const draw = splitmix64(2, static_cast<std::uint64_t>(i));
        batch_.token_ids.push_back(
            static_cast<std::int64_t>(5 + draw % static_cast<std::uint64_t>(model.text.vocab_size - 5)));
    }
    batch_.attention_mask.assign(batch_.token_ids.size(), 1);
    batch_.token_counts.assign(static_cast<std::size_t>(shape.num_rows), shape.text_tokens);
    batch_.num_valid = shape.num_rows;
}

}  // namespace ctclip
