#include "model/precision_policy.hpp"

#include <ATen/Context.h>
#include <gmock/gmock.h>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr ComputeType kTypes[] = {ComputeType::kDouble, ComputeType::kFloat, ComputeType::kHalf,
                                  ComputeType::kBFloat16};

TEST(PrecisionPolicy, EveryOperationHasItsRowInTheTable) {
    for (std::size_t i = 0; i < kNumOperations; ++i) {
        EXPECT_EQ(static_cast<std::size_t>(precision_rules()[i].operation), i);
        EXPECT_FALSE(precision_rules()[i].where.empty());
    }
}

TEST(PrecisionPolicy, IsTheFoundingDocumentsTable) {
    PrecisionPolicy const policy(ComputeType::kHalf);
    for (Operation const operation : {Operation::kLinear, Operation::kConvolution, Operation::kActivation}) {
        EXPECT_EQ(policy.of(operation), at::kHalf);
    }
    for (Operation const operation :
         {Operation::kNorm, Operation::kSoftmax, Operation::kLoss, Operation::kGradient,
          Operation::kOptimizer, Operation::kResidual, Operation::kQuantiser}) {
        EXPECT_EQ(policy.of(operation), at::kFloat);
    }
    EXPECT_EQ(policy.master(), at::kFloat);
}

TEST(PrecisionPolicy, Float32AndFloat64AreUniform) {
    for (PrecisionRule const& rule : precision_rules()) {
        EXPECT_EQ(PrecisionPolicy(ComputeType::kFloat).of(rule.operation), at::kFloat);
        EXPECT_EQ(PrecisionPolicy(ComputeType::kDouble).of(rule.operation), at::kDouble);
    }
}

TEST(PrecisionPolicy, SumsOfProductsOfHalvesStayInFloat32OnAGpu) {
    set_accurate_sums();
    at::CuBLASReductionOption const wide = at::CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK;
    EXPECT_EQ(at::globalContext().allowFP16ReductionCuBLAS(), wide);
    EXPECT_EQ(at::globalContext().allowBF16ReductionCuBLAS(), wide);
}

TEST(PrecisionPolicy, NamesRoundTrip) {
    for (ComputeType const type : kTypes) {
        EXPECT_EQ(compute_type_from_name(name_of(type)), type);
    }
    EXPECT_THAT([] { compute_type_from_name("fp8"); },
                ThrowsMessage<Error>(HasSubstr("precision 'fp8' does not exist")));
}

}  // namespace
}  // namespace ctclip
