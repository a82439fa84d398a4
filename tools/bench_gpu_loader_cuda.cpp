// Builds with CUDA.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "kernels/preprocess_cuda.hpp"
#include "loader/batch_loader.hpp"
#include "mpi/cuda_check.hpp"
#include "tools/bench_gpu_loader.hpp"
#include "tools/median.hpp"

namespace ctclip {
namespace {

constexpr int kDevice = 0;

struct FreeDeviceMemory {
    void operator()(void* memory) const noexcept { ::cudaFree(memory); }
};
using DeviceMemory = std::unique_ptr<void, FreeDeviceMemory>;

DeviceMemory device_memory(std::size_t size_bytes) {
    void* memory = nullptr;
    cuda_check(::cudaMalloc(&memory, size_bytes), fmt::format("cudaMalloc of {} MiB", size_bytes >> 20));
    return DeviceMemory(memory);
}

class DeviceEvent {
  public:
    DeviceEvent() { cuda_check(::cudaEventCreate(&event_), "cudaEventCreate"); }
    DeviceEvent(DeviceEvent const&) = delete;
    DeviceEvent& operator=(DeviceEvent const&) = delete;
    ~DeviceEvent() { ::cudaEventDestroy(event_); }

    void record(CudaStream stream) { cuda_check(::cudaEventRecord(event_, stream), "cudaEventRecord"); }
    /// Between two events that have happened.
    double seconds_since(DeviceEvent const& earlier) const {
        float milliseconds = 0.0F;
        cuda_check(::cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "cudaEventElapsedTime");
        return 1e-3 * static_cast<double>(milliseconds);
    }

  private:
    cudaEvent_t event_ = nullptr;
};

struct InputKind {
    InputType type;
    char const* name;
    std::size_t element_bytes;
};
constexpr InputKind kInputKinds[] = {
    {InputType::kFloat32, "fp32", 4}, {InputType::kFloat16, "fp16", 2}, {InputType::kBFloat16, "bf16", 2}};

/// A value for each volume.
struct Measured {
    std::vector<double> upload_s;
    std::vector<double> upload_bytes_per_s;
    std::vector<double> kernel_s;
    std::vector<double> floor_s;
    std::vector<double> floor_share;  ///< floor_s / kernel_s: 1 is a kernel that cannot be faster
};

class GpuLoaderBench {
  public:
    GpuLoaderBench(std::shared_ptr<SampleSource const> source, DataOptions const& data)
        : source_(std::move(source)),
          data_(data),
          memory_(make_page_locked_memory(kDevice)),
          num_input_voxels_(static_cast<std::size_t>(data.target_grid().num_voxels())),
          stored_(device_memory(source_->largest_volume_bytes())),
          input_(device_memory(num_input_voxels_ * sizeof(float))),
          copy_space_(device_memory(source_->largest_volume_bytes() + num_input_voxels_ * sizeof(float))) {}

    Measured run(InputKind const& kind, std::int64_t num_repeats) {
        Measured measured;
        Measured warm_up;
        for (std::int64_t repeat = 0; repeat <= num_repeats; ++repeat) {
            LoaderOptions options;
            options.data = data_;
            options.data.shuffle = false;
            options.form = VolumeForm::kStored;
            options.remainder = Remainder::kPad;
            options.epochs = Epochs::kOne;
            BatchLoader loader(source_, options, nullptr, {}, *memory_);
            while (BatchLease const batch = loader.next()) {
                for (std::int64_t row = 0; row < batch->num_valid; ++row) {
                    measure(batch->stored[static_cast<std::size_t>(row)], kind,
                            repeat == 0 ? warm_up : measured);
                }
            }
        }
        return measured;
    }

  private:
    void measure(StoredVolume const& volume, InputKind const& kind, Measured& measured) {
        constexpr CudaStream kStream = nullptr;
        std::size_t const stored_bytes = volume.voxels.size_bytes();
        std::size_t const half_moved = (stored_bytes + num_input_voxels_ * kind.element_bytes) / 2;
        auto const* const voxels = static_cast<std::uint16_t const*>(stored_.get());
        start_.record(kStream);
        cuda_check(::cudaMemcpyAsync(stored_.get(), volume.voxels.data(), stored_bytes,
                                     cudaMemcpyHostToDevice, kStream),
                   "cudaMemcpyAsync of a stored volume");
        uploaded_.record(kStream);
        volume.recipe ? launch_preprocess(*volume.recipe, voxels, input_.get(), kind.type, kStream)
                      : launch_widen_stored(InputShape::of(data_.target_grid()), voxels, input_.get(),
                                            kind.type, kStream);
        preprocessed_.record(kStream);
        auto* const copy_space = static_cast<std::byte*>(copy_space_.get());  // read once, written once
        cuda_check(::cudaMemcpyAsync(copy_space, copy_space + half_moved, half_moved,
                                     cudaMemcpyDeviceToDevice, kStream),
                   "cudaMemcpyAsync within the GPU");
        copied_.record(kStream);
        cuda_check(::cudaStreamSynchronize(kStream), "cudaStreamSynchronize after a volume");
        measured.upload_s.push_back(uploaded_.seconds_since(start_));
        measured.upload_bytes_per_s.push_back(static_cast<double>(stored_bytes) / measured.upload_s.back());
        measured.kernel_s.push_back(preprocessed_.seconds_since(uploaded_));
        measured.floor_s.push_back(copied_.seconds_since(preprocessed_));
        measured.floor_share.push_back(measured.floor_s.back() / measured.kernel_s.back());
    }

    std::shared_ptr<SampleSource const> source_;
    DataOptions data_;
    std::unique_ptr<HostMemory> memory_;
    std::size_t num_input_voxels_;
    DeviceMemory stored_;
    DeviceMemory input_;
    DeviceMemory copy_space_;
    DeviceEvent start_;
    DeviceEvent uploaded_;
    DeviceEvent preprocessed_;
    DeviceEvent copied_;
};

/// "NVIDIA H100 80GB HBM3"
std::string device_name() {
    int num_devices = 0;
    cudaError_t const status = ::cudaGetDeviceCount(&num_devices);
    require(status == cudaSuccess && num_devices > 0, ExitCode::kUnavailable,
            "--gpu, but this machine has no GPU that CUDA can use ({}). See nvidia-smi.",
            status == cudaSuccess ? "it finds none" : ::cudaGetErrorString(status));
    cuda_check(::cudaSetDevice(kDevice), "cudaSetDevice");
    cudaDeviceProp properties{};
    cuda_check(::cudaGetDeviceProperties(&properties, kDevice), "cudaGetDeviceProperties");
    return properties.name;
}

}  // namespace

ExitCode bench_gpu_loader(ToolContext& tool, std::shared_ptr<SampleSource const> source,
                          DataOptions const& data, std::int64_t num_repeats) {
    std::string const device = device_name();
    GpuLoaderBench bench(std::move(source), data);
    for (InputKind const& kind : kInputKinds) {
        Measured const measured = bench.run(kind, num_repeats);
        auto const [fastest, slowest] = std::ranges::minmax_element(measured.kernel_s);
        nlohmann::json const record = {{"schema", "ctclip.bench.loader_gpu/1"},
                                       {"software", software_name()},
                                       {"device", device},
                                       {"input_type", kind.name},
                                       {"num_volumes", measured.kernel_s.size()},
                                       {"kernel_ms_median", 1e3 * median(measured.kernel_s)},
                                       {"kernel_ms_min", 1e3 * *fastest},
                                       {"kernel_ms_max", 1e3 * *slowest},
                                       {"upload_ms_median", 1e3 * median(measured.upload_s)},
                                       {"upload_gb_per_s_median", 1e-9 * median(measured.upload_bytes_per_s)},
                                       {"floor_ms_median", 1e3 * median(measured.floor_s)},
                                       {"floor_share_median", median(measured.floor_share)}};
        log_info(
            "{} input: kernel {:.3f} ms a volume, {:.0f} % of the speed of a copy of as many bytes; upload "
            "{:.2f} ms, {:.1f} GB/s",
            kind.name, record.at("kernel_ms_median").get<double>(),
            100.0 * record.at("floor_share_median").get<double>(),
            record.at("upload_ms_median").get<double>(), record.at("upload_gb_per_s_median").get<double>());
        tool.write_json(record);
    }
    return ExitCode::kDone;
}

}  // namespace ctclip
