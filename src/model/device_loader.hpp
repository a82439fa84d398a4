/// A loader whose batches come to the device of the model: the copy of a batch overlaps the computation of
/// the one before.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>

#include "loader/batch_loader.hpp"
#include "model/batch_uploader.hpp"

namespace ctclip {

/// What a loader gives to a model on `device`.
VolumeForm volume_form(PreprocessPlace place, at::Device device);

class DeviceLoader {
  public:
    /// As BatchLoader's; options.form follows from options.data.preprocess_on and the device, and memory is
    /// page-locked for a GPU. @param volume_type  as BatchUploader's.
    DeviceLoader(std::shared_ptr<SampleSource const> source, LoaderOptions options,
                 std::shared_ptr<WordPieceTokenizer const> tokenizer, SamplerState const& start,
                 at::Device device, at::ScalarType volume_type = at::kFloat);

    /// As BatchLoader::next; the batches must be gone before the loader.
    std::optional<UploadedBatch> next();

    BatchLoader const& host() const { return loader_; }

  private:
    std::unique_ptr<HostMemory> page_locked_;  // of a GPU
    BatchLoader loader_;
    BatchUploader uploader_;  // last: its copies end before the loader does
};

}  // namespace ctclip
