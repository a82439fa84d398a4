#include "optim/host_copy.hpp"

#include <ATen/Context.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

namespace ctclip {
namespace {

TEST(HostCopy, OfTheHostsOwnMemoryIsThatMemory) {
    at::Tensor const values = at::arange(3, at::kDouble);
    EXPECT_EQ(HostCopy(values).read().const_data_ptr(), values.const_data_ptr());
}

TEST(HostCopy, OfATensorWithoutValuesCannotBeRead) {
    HostCopy const copy(at::empty({3}, at::TensorOptions(at::kMeta)));
    EXPECT_ANY_THROW(copy.read());
}

#if defined(CTCLIP_CUDA)
TEST(HostCopyOnGpu, HoldsWhatWasThereWhenItWasMadeAndWaitsForNothingLater) {
    if (!at::hasCUDA()) {
        GTEST_SKIP() << "no GPU on this machine";
    }
    at::Device const gpu(at::kCUDA, 0);
    at::Tensor const values = at::arange(3, at::TensorOptions(gpu).dtype(at::kDouble));
    at::Tensor const matrix = at::ones({8192, 8192}, at::TensorOptions(gpu));
    at::Tensor product = at::mm(matrix, matrix);  // warms up
    HostCopy const copy(values);
    values.fill_(-1.0);
    for (int i = 0; i < 100; ++i) {
        at::mm_out(product, matrix, matrix);
    }

    EXPECT_TRUE(copy.read().equal(at::arange(3, at::kDouble)));
    c10::impl::VirtualGuardImpl const guard(gpu.type());
    EXPECT_FALSE(guard.queryStream(guard.getStream(gpu))) << "the work after the copy was waited for";
}
#endif

}  // namespace
}  // namespace ctclip
