#include "model/device_batch.hpp"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "kernels/preprocess_emulation.hpp"
#if defined(CTCLIP_CUDA)
#include "kernels/preprocess_cuda.hpp"
#endif
#include "model/device_launch.hpp"

namespace ctclip {
namespace {

InputType input_type_of(at::Tensor const& tensor) {
    switch (tensor.scalar_type()) {
        case at::kHalf:
            return InputType::kFloat16;
        case at::kBFloat16:
            return InputType::kBFloat16;
        default:
            return InputType::kFloat32;
    }
}

/// @param stored  voxels of one volume, on the device of `input`; @param input  (1, z, x, y), contiguous.
void make_model_input(at::Tensor const& stored, std::optional<PreprocessRecipe> const& recipe,
                      TargetGrid const& grid, at::Tensor const& input) {
    auto const* const voxels = static_cast<std::uint16_t const*>(stored.const_data_ptr());
    InputType const type = input_type_of(input);
    InputShape const shape = InputShape::of(grid);
#if defined(CTCLIP_CUDA)
    if (input.is_cuda()) {
        recipe ? launch_preprocess(*recipe, voxels, input.mutable_data_ptr(), type, stream_of(input))
               : launch_widen_stored(shape, voxels, input.mutable_data_ptr(), type, stream_of(input));
        return;
    }
#endif
    recipe ? emulate_preprocess(*recipe, voxels, input.mutable_data_ptr(), type)
           : emulate_widen_stored(shape, voxels, input.mutable_data_ptr(), type);
}

at::Tensor block_of(at::Tensor const& tokens, RowRange rows, std::int64_t num_tokens) {
    return tokens.narrow(0, rows.first, rows.count).narrow(1, 0, num_tokens).contiguous();
}

}  // namespace

DeviceBatch UploadedBatch::rows(RowRange rows) const {
    c10::DeviceGuard const on_device(device_);
    begin_use();
    DeviceBatch batch;
    batch.volume = volumes_of(rows);
    if (token_ids_.defined()) {
        auto const first_count = host_->token_counts.begin() + rows.first;
        std::int64_t const longest = *std::max_element(first_count, first_count + rows.count);
        batch.text.ids = block_of(token_ids_, rows, longest);
        batch.text.attention_mask = block_of(attention_mask_, rows, longest);
    }
    return batch;
}

/// The current stream waits for the copies; memory that belongs to their stream is not reused before this one
/// is done.
void UploadedBatch::begin_use() const {
    if (copied_ == nullptr) {
        return;
    }
    c10::Stream const stream = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
    copied_->block(stream);
    std::vector<at::Tensor> used = stored_;
    used.insert(used.end(), {volumes_, token_ids_, attention_mask_});
    for (at::Tensor const& tensor : used) {
        if (tensor.defined()) {
            tensor.record_stream(stream);
        }
    }
}

at::Tensor UploadedBatch::volumes_of(RowRange rows) const {
    if (volumes_.defined()) {
        return volumes_.narrow(0, rows.first, rows.count).to(volume_type_);
    }
    TargetGrid const& grid = host_->shape.grid;
    auto const& [z, x, y] = grid.shape_zxy;
    at::Tensor const input = at::empty({rows.count, 1, z, x, y}, at::dtype(volume_type_).device(device_));
    for (std::int64_t i = 0; i < rows.count; ++i) {
        auto const row = static_cast<std::size_t>(rows.first + i);
        at::Tensor const row_input = input.select(0, i);
        if (stored_[row].numel() == 0) {
            row_input.fill_(kPaddingValue);
        } else {
            make_model_input(stored_[row], host_->stored[row].recipe, grid, row_input);
        }
    }
    return input;
}

}  // namespace ctclip
