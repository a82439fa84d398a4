#include "model/device_loader.hpp"

#include <utility>

namespace ctclip {
namespace {

LoaderOptions in_form_for(at::Device device, LoaderOptions options) {
    options.form = volume_form(options.data.preprocess_on, device);
    return options;
}

/// Null: ordinary memory will do.
std::unique_ptr<HostMemory> page_locked_memory_for([[maybe_unused]] at::Device device) {
#if defined(CTCLIP_CUDA)
    if (device.is_cuda()) {
        return make_page_locked_memory(device.index());
    }
#endif
    return nullptr;
}

}  // namespace

VolumeForm volume_form(PreprocessPlace place, at::Device device) {
    bool const is_on_device =
        place == PreprocessPlace::kDevice || (place == PreprocessPlace::kAuto && device.is_cuda());
    return is_on_device ? VolumeForm::kStored : VolumeForm::kModelInput;
}

DeviceLoader::DeviceLoader(std::shared_ptr<SampleSource const> source, LoaderOptions options,
                           std::shared_ptr<WordPieceTokenizer const> tokenizer, SamplerState const& start,
                           at::Device device, at::ScalarType volume_type)
    : page_locked_(page_locked_memory_for(device)),
      loader_(std::move(source), in_form_for(device, std::move(options)), std::move(tokenizer), start,
              page_locked_ ? *page_locked_ : ordinary_memory()),
      uploader_(device, volume_type) {}

std::optional<UploadedBatch> DeviceLoader::next() {
    BatchLease batch = loader_.next();
    return batch == nullptr ? std::nullopt : std::optional(uploader_.upload(std::move(batch)));
}

}  // namespace ctclip
