// On a GPU: the same bits as the CPU. CUDA builds only.
#include "kernels/preprocess_cuda.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/digest.hpp"
#include "kernels/golden_volumes.hpp"

namespace ctclip {
namespace {

struct DeviceFree {
    void operator()(void* memory) const { cudaFree(memory); }
};
using DeviceMemory = std::unique_ptr<void, DeviceFree>;

DeviceMemory device_memory(std::size_t size_bytes) {
    void* memory = nullptr;
    EXPECT_EQ(cudaMalloc(&memory, size_bytes), cudaSuccess);
    return DeviceMemory(memory);
}

TEST(PreprocessCuda, EqualsThePythonReference) {
    int num_devices = 0;
    if (cudaGetDeviceCount(&num_devices) != cudaSuccess || num_devices == 0) {
        GTEST_SKIP() << "no GPU on this machine: the kernel was compiled, not run";
    }
    for (GoldenVolume const& volume : golden_volumes()) {
        std::vector<std::uint16_t> const raw = volume.raw();
        DeviceMemory const raw_device = device_memory(raw.size() * sizeof(std::uint16_t));
        std::vector<float> input(static_cast<std::size_t>(volume.target.num_voxels()));
        DeviceMemory const input_device = device_memory(input.size() * sizeof(float));
        cudaMemcpy(raw_device.get(), raw.data(), raw.size() * sizeof(std::uint16_t), cudaMemcpyHostToDevice);
        for (ClipOrder const order : {ClipOrder::kClipThenResize, ClipOrder::kResizeThenClip}) {
            if (volume.expected_sha256(order).empty()) {
                continue;
            }
            launch_preprocess(volume.recipe(order), static_cast<std::uint16_t const*>(raw_device.get()),
                              input_device.get(), InputType::kFloat32, nullptr);
            ASSERT_EQ(cudaMemcpy(input.data(), input_device.get(), input.size() * sizeof(float),
                                 cudaMemcpyDeviceToHost),
                      cudaSuccess);
            EXPECT_EQ(sha256_hex(std::as_bytes(std::span(input))), volume.expected_sha256(order))
                << volume.name;
        }
    }
}

}  // namespace
}  // namespace ctclip
