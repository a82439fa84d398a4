#include "model/batch_uploader.hpp"

#include <c10/core/DeviceGuard.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "base/trace.hpp"

namespace ctclip {
namespace {

/// (B, 1, z, x, y), the batch's own memory.
at::Tensor volumes_of(HostBatch const& batch) {
    auto const& [z, x, y] = batch.shape.grid.shape_zxy;
    return at::from_blob(const_cast<float*>(batch.volumes.data()), {batch.shape.num_rows, 1, z, x, y},
                         at::kFloat);
}

/// The bits of its voxels, its own memory.
at::Tensor voxels_of(StoredVolume const& volume) {
    return at::from_blob(const_cast<std::uint16_t*>(volume.voxels.data()),
                         {static_cast<std::int64_t>(volume.voxels.size())}, at::kShort);
}

}  // namespace

BatchLease borrowed(HostBatch const& batch) {
    return {&batch, ReturnBatch{}};
}

BatchUploader::BatchUploader(at::Device device, at::ScalarType volume_type)
    : device_(device), volume_type_(volume_type) {
    if (device.is_cuda()) {
        copy_stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
    }
}

BatchUploader::~BatchUploader() {
    try {
        finish_copy();
    } catch (...) {  // the device has failed and copies nothing any more; whoever used it has the error
        under_way_.reset();
    }
}

UploadedBatch BatchUploader::upload(BatchLease lease) {
    TraceScope const scope("upload batch");
    finish_copy();
    UploadedBatch batch;
    batch.host_ = std::shared_ptr<HostBatch const>(std::move(lease));
    batch.device_ = device_;
    batch.volume_type_ = volume_type_;
    under_way_ =
        copy_stream_ ? batch.host_ : nullptr;  // from here on, whatever fails: the device may be reading it
    HostBatch const& host = *batch.host_;
    {
        c10::OptionalStreamGuard const on_copy_stream(copy_stream_);
        if (host.form() == VolumeForm::kModelInput) {
            batch.volumes_ = copied(volumes_of(host));
        }
        for (StoredVolume const& volume : host.stored) {
            batch.stored_.push_back(copied(voxels_of(volume)));
        }
        if (host.shape.num_tokens > 0) {
            batch.token_ids_ = copied_tokens(host.token_ids, host.shape);
            batch.attention_mask_ = copied_tokens(host.attention_mask, host.shape);
        }
    }
    if (copy_stream_) {
        c10::DeviceGuard const on_device(device_);
        copied_ = std::make_shared<c10::Event>(device_.type());
        copied_->record(*copy_stream_);
        batch.copied_ = copied_;
    }
    return batch;
}

at::Tensor BatchUploader::copied(at::Tensor const& host) const {
    return host.to(device_, host.scalar_type(), /*non_blocking=*/copy_stream_.has_value());
}

/// Tokens are not in the loader's page-locked memory, and a copy from elsewhere would hold up the host:
/// LibTorch's own page-locked memory, which it keeps until the copy is done.
at::Tensor BatchUploader::copied_tokens(std::vector<std::int64_t> const& tokens,
                                        BatchShape const& shape) const {
    at::Tensor const host = at::from_blob(const_cast<std::int64_t*>(tokens.data()),
                                          {shape.num_rows, shape.num_tokens}, at::kLong);
    return copied(copy_stream_ ? host.pin_memory() : host);
}

void BatchUploader::finish_copy() {
    if (copied_ != nullptr) {
        copied_->synchronize();
    } else if (under_way_ != nullptr) {  // an upload failed half way
        c10::impl::VirtualGuardImpl(device_.type()).synchronizeStream(*copy_stream_);
    }
    copied_.reset();
    under_way_.reset();
}

}  // namespace ctclip
