/// AdamW with decoupled weight decay (Loshchilov, Hutter 2019) over float32 master weights; state is keyed by
/// parameter name, since orders change between programs. Decay acts on parameters with two or more dimensions
/// only.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "optim/named_tensor.hpp"
#include "optim/optimizer_options.hpp"

namespace ctclip {

struct AdamWState {
    std::int64_t num_steps = 0;  ///< taken; skipped ones do not count
    NamedTensors exp_avg;        ///< first moments, by parameter name, shapes of the parameters
    NamedTensors exp_avg_sq;     ///< second moments
};

class AdamW {
  public:
    /// @param parameters  contiguous, one floating type (float32, or float64 in tests), one device, unique
    /// names;
    ///                    updated in place.
    /// @throws Error kInternal otherwise; kBadConfig for betas outside [0, 1), a negative eps or decay.
    AdamW(NamedTensors parameters, AdamWOptions const& options);

    /// One update, or nothing at all where found_inf is 1: the decision is made on the device, nothing waits
    /// for it.
    /// @param gradients  unscaled, in the order of the parameters, of their shapes and type.
    /// @param lr         float64 [] on the device.
    /// @param found_inf  float32 [] on the device: 0 or 1.
    void step(std::vector<at::Tensor> const& gradients, at::Tensor const& lr, at::Tensor const& found_inf);

    NamedTensors const& parameters() const noexcept { return parameters_; }
    /// float32 []: steps taken, exact up to 2^24.
    at::Tensor const& num_steps() const noexcept { return num_steps_; }

    /// Both moments of every parameter under names for people. Shares their storage.
    NamedTensors moments() const;
    /// Shares the moments' storage (copy before the next step). Waits for the device.
    AdamWState state() const;
    /// Copies. @throws Error kBadInput when a name is missing, unknown or twice there, or a shape differs.
    void restore(AdamWState const& state);

  private:
    struct Group {
        double weight_decay = 0.0;
        std::vector<std::size_t> members;  ///< indices of parameters
    };

    void check(std::vector<at::Tensor> const& gradients) const;
    void update(Group const& group, std::vector<at::Tensor> const& gradients, at::Tensor const& lr,
                at::Tensor const& found_inf);

    AdamWOptions options_;
    NamedTensors parameters_;
    std::vector<at::Tensor> exp_avg_;
    std::vector<at::Tensor> exp_avg_sq_;
    at::Tensor num_steps_;
    std::vector<Group> groups_;
};

}  // namespace ctclip
