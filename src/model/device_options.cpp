#include "model/device_options.hpp"

namespace ctclip {

void DeviceOptions::bind(Schema& schema) {
    schema.key("device.use_cuda", use_cuda, "false: compute on the CPU even where a GPU is");
    schema.key("device.require_cuda", require_cuda, "end (exit 69) rather than compute on the CPU");
    schema.key("device.cuda_device", cuda_device, "first device; local ranks count up from it").min(0);
    schema.key("device.num_threads", num_threads, "threads of a rank on the CPU; 0: its share of the cores")
        .min(0)
        .max(1024);
    schema.rule("device.require_cuda", [this] {
        return std::string(require_cuda && !use_cuda ? "is true, but device.use_cuda is false" : "");
    });
}

}  // namespace ctclip
