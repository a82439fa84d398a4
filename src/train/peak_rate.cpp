#include "train/peak_rate.hpp"

#include <c10/core/CachingDeviceAllocator.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "model/matrix_product.hpp"

namespace ctclip {
namespace {

constexpr double kFlopsPerTera = 1e12;
constexpr std::int64_t kCpuSize = 768;
constexpr std::int64_t kGpuSize = 8192;
constexpr std::chrono::milliseconds kBudget{100};
constexpr int kLeastRuns = 3;  // the first one warms up

using Clock = std::chrono::steady_clock;

/// Returns once the device is done.
double time_product_s(at::Tensor const& a, at::Tensor const& b) {
    auto const begin = Clock::now();
    at::Tensor const product = matrix_product(a, b, at::kFloat);
    product.view(-1)[0].item<float>();
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

PeakRate peak_rate(std::optional<double> peak_tflops, at::Device device, PrecisionPolicy const& policy) {
    if (peak_tflops) {
        return {*peak_tflops * kFlopsPerTera, "run.peak_tflops"};
    }
    at::ScalarType type = policy.of(Operation::kLinear);
    if (device.is_cpu() && type != at::kDouble) {
        type = at::kFloat;  // the CPU computes products of half precision in it
    }
    std::int64_t const size = device.is_cpu() ? kCpuSize : kGpuSize;
    at::Tensor const a = at::ones({size, size}, at::TensorOptions(device).dtype(type));
    double best_s = time_product_s(a, a);
    auto const end = Clock::now() + kBudget;
    for (int run = 1; run < kLeastRuns || Clock::now() < end; ++run) {
        best_s = std::min(best_s, time_product_s(a, a));
    }
    double const flops = 2.0 * static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(size);
    return {flops / best_s, fmt::format("measured: a product of {0} x {0} matrices in {1}", size, at::toString(type))};
}

std::optional<std::int64_t> peak_device_memory_bytes(at::Device device) {
    if (device.is_cpu()) {
        return std::nullopt;
    }
    auto const stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
    return stats.allocated_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
}

}  // namespace ctclip
