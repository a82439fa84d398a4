/// Which number format every operation of the model computes in: one table of mixed
/// precision, operation by operation. The model asks this table at each operation; at::autocast is not used
/// (its lists differ between CPU and GPU), so the same policy holds on both.
///
/// Weights are float32 leaf tensors (master weights). They are rounded to the compute type inside the graph,
/// so their gradients land in float32. Sums of products are always kept in float32 and rounded to the compute
/// type only where the next operation computes in it.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace ctclip {

enum class ComputeType { kDouble, kFloat, kHalf, kBFloat16 };

/// @param name  "fp64", "fp32", "fp16", "bf16".   @throws Error kBadConfig for any other.
ComputeType compute_type_from_name(std::string_view name);
std::string_view name_of(ComputeType type);

enum class Operation : std::size_t {
    kLinear,
    kConvolution,
    kActivation,
    kAttentionProduct,
    kNorm,
    kSoftmax,
    kEmbedding,
    kResidual,
    kQuantiser,
    kPooling,
    kLoss,
    kGradient,
    kOptimizer,
};
inline constexpr std::size_t kNumOperations = 13;

/// One row of the table.
struct PrecisionRule {
    Operation operation;
    std::string_view name;   ///< "Linear"
    std::string_view where;  ///< which parts of the model it covers
    bool follows_compute;    ///< true: the compute type; false: float32 (float64 when computing in float64)
    std::string_view reason;
};

std::array<PrecisionRule, kNumOperations> const& precision_rules();

/// For the whole process, once: unless told, cuBLAS may add partial sums of a product of halves in half precision.
void set_accurate_sums();

class PrecisionPolicy {
  public:
    explicit PrecisionPolicy(ComputeType type);

    at::ScalarType of(Operation operation) const noexcept {
        return types_[static_cast<std::size_t>(operation)];
    }
    ComputeType compute_type() const noexcept { return type_; }
    /// Element type of the volumes that the model reads: that of the norm of their patches, float32 at most
    /// (a volume has no more).
    at::ScalarType model_input() const noexcept {
        return of(Operation::kNorm) == at::kDouble ? at::kFloat : of(Operation::kNorm);
    }
    /// Type of master weights, their gradients and the optimizer's moments.
    at::ScalarType master() const noexcept { return of(Operation::kOptimizer); }

    /// The table for people: every operation with its type and the reason.
    std::string to_text() const;

  private:
    ComputeType type_;
    std::array<at::ScalarType, kNumOperations> types_;
};

}  // namespace ctclip
