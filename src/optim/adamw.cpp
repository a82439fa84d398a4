#include "optim/adamw.hpp"

#include <c10/util/ArrayRef.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <utility>

#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::int64_t kMaxExactSteps = std::int64_t{1} << 24;

void check_options(AdamWOptions const& options) {
    bool const are_betas_valid =
        options.beta1 >= 0.0 && options.beta1 < 1.0 && options.beta2 >= 0.0 && options.beta2 < 1.0;
    require(are_betas_valid, ExitCode::kBadConfig,
            "betas are {} and {} (each must be at least 0 and below 1)", options.beta1, options.beta2);
    require(options.eps >= 0.0 && options.weight_decay >= 0.0, ExitCode::kBadConfig,
            "eps is {} and weight_decay {} (neither may be negative)", options.eps, options.weight_decay);
}

void check_parameters(NamedTensors const& parameters) {
    require(!parameters.empty(), ExitCode::kInternal, "the optimizer was given no parameters");
    at::Tensor const& first = parameters.front().tensor;
    std::set<std::string> names;
    for (auto const& [name, tensor] : parameters) {
        require(names.insert(name).second, ExitCode::kInternal, "two parameters are named {}", name);
        require(tensor.is_contiguous() && tensor.is_floating_point(), ExitCode::kInternal,
                "parameter {} is not a contiguous floating-point tensor", name);
        require(tensor.device() == first.device() && tensor.scalar_type() == first.scalar_type(),
                ExitCode::kInternal, "parameter {} is {} on {}, but {} is {} on {}", name,
                at::toString(tensor.scalar_type()), tensor.device().str(), parameters.front().name,
                at::toString(first.scalar_type()), first.device().str());
    }
}

std::vector<at::Tensor> zeros_like_all(NamedTensors const& parameters) {
    std::vector<at::Tensor> zeros;
    for (auto const& parameter : parameters) {
        zeros.push_back(at::zeros_like(parameter.tensor, at::TensorOptions().requires_grad(false)));
    }
    return zeros;
}

std::vector<at::Tensor> pick(std::vector<at::Tensor> const& tensors,
                             std::vector<std::size_t> const& members) {
    std::vector<at::Tensor> picked;
    for (std::size_t const member : members) {
        picked.push_back(tensors[member]);
    }
    return picked;
}

NamedTensors named(NamedTensors const& parameters, std::vector<at::Tensor> const& tensors) {
    NamedTensors result;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        result.push_back({parameters[i].name, tensors[i]});
    }
    return result;
}

/// The saved tensors in the order of the parameters, all checked before the first is copied.
std::vector<at::Tensor> match(NamedTensors const& parameters, NamedTensors const& saved,
                              std::string_view what) {
    std::map<std::string_view, at::Tensor> by_name;
    for (auto const& [name, tensor] : saved) {
        require(by_name.emplace(name, tensor).second, ExitCode::kBadInput, "{} of {} is there twice", what,
                name);
    }
    std::vector<at::Tensor> matched;
    for (auto const& [name, tensor] : parameters) {
        auto const found = by_name.find(name);
        require(found != by_name.end(), ExitCode::kBadInput,
                "the saved optimizer has no {} of parameter {} (another model?)", what, name);
        require(found->second.sizes() == tensor.sizes(), ExitCode::kBadInput,
                "{} of {} has shape [{}], but the parameter has [{}]", what, name,
                fmt::join(found->second.sizes(), ", "), fmt::join(tensor.sizes(), ", "));
        matched.push_back(found->second);
        by_name.erase(found);
    }
    require(by_name.empty(), ExitCode::kBadInput, "the saved optimizer has {} of {}, which this model lacks",
            what, by_name.empty() ? "" : by_name.begin()->first);
    return matched;
}

}  // namespace

AdamW::AdamW(NamedTensors parameters, AdamWOptions const& options)
    : options_(options), parameters_(std::move(parameters)) {
    check_options(options_);
    check_parameters(parameters_);
    exp_avg_ = zeros_like_all(parameters_);
    exp_avg_sq_ = zeros_like_all(parameters_);
    num_steps_ = at::zeros({}, at::device(parameters_.front().tensor.device()).dtype(at::kFloat));

    Group decayed{.weight_decay = options_.weight_decay, .members = {}};
    Group kept;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        (parameters_[i].tensor.dim() >= 2 ? decayed : kept).members.push_back(i);
    }
    for (Group& group : {std::ref(decayed), std::ref(kept)}) {
        if (!group.members.empty()) {
            groups_.push_back(std::move(group));
        }
    }
}

void AdamW::check(std::vector<at::Tensor> const& gradients) const {
    require(gradients.size() == parameters_.size(), ExitCode::kInternal, "{} gradients for {} parameters",
            gradients.size(), parameters_.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        at::Tensor const& parameter = parameters_[i].tensor;
        bool const fits = gradients[i].sizes() == parameter.sizes() && gradients[i].is_contiguous() &&
                          gradients[i].device() == parameter.device() &&
                          gradients[i].scalar_type() == parameter.scalar_type();
        require(fits, ExitCode::kInternal, "the gradient of {} does not fit it: {} [{}] on {}",
                parameters_[i].name, at::toString(gradients[i].scalar_type()),
                fmt::join(gradients[i].sizes(), ", "), gradients[i].device().str());
    }
}

void AdamW::step(std::vector<at::Tensor> const& gradients, at::Tensor const& lr,
                 at::Tensor const& found_inf) {
    check(gradients);
    if (num_steps_.is_meta()) {
        return;  // no values, and torch has no meta kernel for the fused update
    }
    at::NoGradGuard const no_grad;
    // The fused kernel wants the number of this step, the bias correction of steps that were taken only.
    num_steps_.add_(1.0);
    for (Group const& group : groups_) {
        update(group, gradients, lr, found_inf);
    }
    num_steps_.sub_(found_inf);
}

void AdamW::update(Group const& group, std::vector<at::Tensor> const& gradients, at::Tensor const& lr,
                   at::Tensor const& found_inf) {
    std::vector<at::Tensor> parameters;
    for (std::size_t const member : group.members) {
        parameters.push_back(parameters_[member].tensor);
    }
    std::vector<at::Tensor> const steps(group.members.size(), num_steps_);
    // The CUDA kernel reads the rate as float32, the CPU's as double.
    at::Tensor const kernel_lr = lr.is_cuda() ? lr.to(at::kFloat) : lr;
    at::_fused_adamw_(parameters, pick(gradients, group.members), pick(exp_avg_, group.members),
                      pick(exp_avg_sq_, group.members), /*max_exp_avg_sqs=*/{}, steps, kernel_lr,
                      options_.beta1, options_.beta2, group.weight_decay, options_.eps, /*amsgrad=*/false,
                      /*maximize=*/false,
                      /*grad_scale=*/std::nullopt, found_inf);
}

NamedTensors AdamW::moments() const {
    NamedTensors moments;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        moments.push_back({"first moment of " + parameters_[i].name, exp_avg_[i]});
        moments.push_back({"second moment of " + parameters_[i].name, exp_avg_sq_[i]});
    }
    return moments;
}

AdamWState AdamW::state() const {
    return {.num_steps = num_steps_.item<std::int64_t>(),
            .exp_avg = named(parameters_, exp_avg_),
            .exp_avg_sq = named(parameters_, exp_avg_sq_)};
}

void AdamW::restore(AdamWState const& state) {
    require(state.num_steps >= 0 && state.num_steps < kMaxExactSteps, ExitCode::kBadInput,
            "the saved optimizer has taken {} steps (it must be in 0..2^24)", state.num_steps);
    std::vector<at::Tensor> const exp_avg = match(parameters_, state.exp_avg, "exp_avg");
    std::vector<at::Tensor> const exp_avg_sq = match(parameters_, state.exp_avg_sq, "exp_avg_sq");
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        exp_avg_[i].copy_(exp_avg[i]);
        exp_avg_sq_[i].copy_(exp_avg_sq[i]);
    }
    num_steps_.fill_(state.num_steps);
}

}  // namespace ctclip
