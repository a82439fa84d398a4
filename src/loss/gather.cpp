#include "loss/gather.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "model/saved_value.hpp"
#include "model/tensor_element.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct GatherPlan {
    RowPartition partition;
    Communicator* communicator;
};

/// (rows, E) with zero rows added up to `num_rows`.
at::Tensor padded_to(at::Tensor const& rows, std::int64_t num_rows) {
    if (rows.size(0) == num_rows) {
        return rows.contiguous();
    }
    at::Tensor padded = at::zeros({num_rows, rows.size(1)}, rows.options());
    padded.narrow(0, 0, rows.size(0)).copy_(rows);
    return padded;
}

/// Where the communicator can reach it.
at::Device device_for(Communicator const& communicator, at::Tensor const& tensor) {
    return communicator.memory() == Memory::kHost ? at::Device(at::kCPU) : tensor.device();
}

at::Tensor all_gather_rows(at::Tensor const& local, GatherPlan const& plan) {
    std::int64_t const most = plan.partition.most_rows();
    int const world_size = plan.communicator->world_size();
    at::Tensor const sent = padded_to(local, most).to(device_for(*plan.communicator, local));
    at::Tensor const received = at::empty({world_size * most, local.size(1)}, sent.options());
    plan.communicator->all_gather(sent.const_data_ptr(), received.mutable_data_ptr(), sent.nbytes());
    std::vector<at::Tensor> parts;
    for (int rank = 0; rank < world_size; ++rank) {
        parts.push_back(received.narrow(0, rank * most, plan.partition.num_rows(rank)));
    }
    return at::cat(parts).to(local.device());
}

at::Tensor reduce_scatter_rows(at::Tensor const& gradient, GatherPlan const& plan) {
    std::int64_t const most = plan.partition.most_rows();
    std::vector<at::Tensor> parts;
    for (int rank = 0; rank < plan.communicator->world_size(); ++rank) {
        parts.push_back(padded_to(
            gradient.narrow(0, plan.partition.first_row(rank), plan.partition.num_rows(rank)), most));
    }
    at::Tensor const sent = at::cat(parts).to(device_for(*plan.communicator, gradient));
    at::Tensor const received = at::empty({most, gradient.size(1)}, sent.options());
    plan.communicator->reduce_scatter_sum(sent.const_data_ptr(), received.mutable_data_ptr(),
                                          static_cast<std::size_t>(received.numel()), element_of(gradient));
    return received.narrow(0, 0, plan.partition.num_rows(plan.communicator->rank())).to(gradient.device());
}

class GatherFunction : public torch::autograd::Function<GatherFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& local, GatherPlan const& plan) {
        save_value(*context, plan);
        return all_gather_rows(local, plan);
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        return {reduce_scatter_rows(gradients[0], saved_value<GatherPlan>(*context)), {}};
    }
};

}  // namespace

RowPartition::RowPartition(std::vector<std::int64_t> num_rows) : num_rows_(std::move(num_rows)) {
    bool const is_possible =
        std::all_of(num_rows_.begin(), num_rows_.end(), [](auto rows) { return rows >= 0; });
    require(!num_rows_.empty() && is_possible, ExitCode::kInternal,
            "a batch is divided over no rank, or negatively");
}

RowPartition RowPartition::even(int world_size, std::int64_t num_local_rows) {
    return RowPartition(std::vector<std::int64_t>(static_cast<std::size_t>(world_size), num_local_rows));
}

RowPartition RowPartition::agree(Communicator& communicator, std::int64_t num_local_rows) {
    std::vector<std::int64_t> num_rows(static_cast<std::size_t>(communicator.world_size()));
    communicator.all_gather(&num_local_rows, num_rows.data(), sizeof(num_local_rows));
    return RowPartition(std::move(num_rows));
}

std::int64_t RowPartition::first_row(int rank) const {
    return std::accumulate(num_rows_.begin(), num_rows_.begin() + rank, std::int64_t{0});
}

std::int64_t RowPartition::most_rows() const {
    return *std::max_element(num_rows_.begin(), num_rows_.end());
}

at::Tensor gather_rows(at::Tensor const& local, RowPartition const& partition, Communicator& communicator) {
    if (communicator.world_size() == 1 || local.is_meta()) {
        return local;
    }
    element_of(local);  // refused here, not first in the backward pass
    return GatherFunction::apply(local, GatherPlan{partition, &communicator});
}

}  // namespace ctclip
