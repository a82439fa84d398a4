#include "train/overflow_forensics.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "dist/gather_bytes.hpp"

namespace ctclip {
namespace {

bool is_finite(at::Tensor const& tensor) {
    return at::isfinite(tensor).all().item<bool>();
}

/// The first row whose sum is not finite.
std::optional<std::int64_t> first_bad_row(at::Tensor const& sums) {
    at::Tensor const on_host = sums.detach().cpu().to(at::kDouble).contiguous();
    double const* const values = on_host.const_data_ptr<double>();
    for (std::int64_t row = 0; row < on_host.numel(); ++row) {
        if (!std::isfinite(values[row])) {
            return row;
        }
    }
    return std::nullopt;
}

std::string_view module_of(std::string_view parameter) {
    std::size_t const dot = parameter.rfind('.');
    return dot == std::string_view::npos ? parameter : parameter.substr(0, dot);
}

/// Indices of gradients that are not finite, in the order in which backward makes them: last layer first.
std::vector<std::size_t> bad_gradients(at::Tensor const& norms, std::vector<at::Tensor> const& local_sums) {
    std::vector<at::Tensor> sums = local_sums;
    if (sums.empty()) {
        sums = norms.unbind();
    }
    std::vector<std::size_t> bad;
    for (std::size_t i = sums.size(); i-- > 0;) {
        if (sums[i].defined() && !is_finite(sums[i])) {
            bad.push_back(i);
        }
    }
    return bad;
}

}  // namespace

OverflowForensics::OverflowForensics(ClipModel& model, TrainStep const& train_step,
                                     NamedTensors const& parameters, Communicator& host)
    : model_(model), train_step_(train_step), parameters_(parameters), host_(host) {}

Finding OverflowForensics::explain(SuspectStep const& suspect) const {
    Finding const mine = look_at_this_rank(suspect);
    std::vector<std::string> const all = gather_bytes(static_cast<char>(mine.kind) + mine.text, host_);
    char const worst = std::ranges::max_element(all, {}, [](auto const& text) { return text[0]; })->front();
    Finding together{static_cast<FindingKind>(worst), ""};
    if (together.kind == FindingKind::kNothing) {
        together.text =
            "every rank's own gradients are finite, their average is not: the sum overflowed, or a network "
            "card or memory changed a bit on the way";
        return together;
    }
    std::string previous;
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        // Ranks that have the same to say are named by the first of them.
        if (all[rank][0] == worst && all[rank] != previous) {
            previous = all[rank];
            together.text +=
                fmt::format("{}rank {}: {}", together.text.empty() ? "" : "; ", rank, all[rank].substr(1));
        }
    }
    return together;
}

Finding OverflowForensics::look_at_this_rank(SuspectStep const& suspect) const {
    if (Finding finding = look_at_volumes(suspect); finding.kind != FindingKind::kNothing) {
        return finding;
    }
    for (std::size_t i = 0; i < suspect.traces.image_sums.size(); ++i) {
        if (Finding finding = look_at_latents(suspect, i); finding.kind != FindingKind::kNothing) {
            return finding;
        }
    }
    if (Finding finding = look_at_tokens(suspect); finding.kind != FindingKind::kNothing) {
        return finding;
    }
    return look_at_gradients(suspect);
}

Finding OverflowForensics::look_at_volumes(SuspectStep const& suspect) const {
    for (std::size_t i = 0; i < suspect.traces.volume_sums.size(); ++i) {
        if (auto const row = first_bad_row(suspect.traces.volume_sums[i])) {
            return {FindingKind::kInput, fmt::format("the volume of study {} is not finite",
                                                     suspect.pseudonyms[i][static_cast<std::size_t>(*row)])};
        }
    }
    return {};
}

Finding OverflowForensics::look_at_latents(SuspectStep const& suspect, std::size_t micro_step) const {
    std::optional<std::int64_t> row = first_bad_row(suspect.traces.image_sums[micro_step]);
    std::string_view const tower = row ? "image" : "text";
    if (!row) {
        row = first_bad_row(suspect.traces.text_sums[micro_step]);
    }
    if (!row) {
        return {};
    }
    std::string stage;
    suspect.read_again([&](std::size_t i, UploadedBatch const& batch) {
        stage = i == micro_step ? first_stage(suspect, batch, i, *row) : "";
        return i < micro_step;
    });
    return {FindingKind::kForward,
            fmt::format("the {} latent of study {} is not finite, first at {}", tower,
                        suspect.pseudonyms[micro_step][static_cast<std::size_t>(*row)],
                        stage.empty() ? "no stage when computed again (weights of the step after)" : stage)};
}

Finding OverflowForensics::look_at_tokens(SuspectStep const& suspect) const {
    if (is_finite(suspect.traces.token_sum)) {
        return {};
    }
    std::string text =
        "tokens of the image encoder were not finite, but are when computed again (weights of the step after)";
    suspect.read_again([&](std::size_t i, UploadedBatch const& batch) {
        std::string stage;
        for (std::int64_t row = 0; row < batch.host().shape.num_rows && stage.empty(); ++row) {
            stage = first_stage(suspect, batch, i, row);
            if (!stage.empty()) {
                text = fmt::format("an activation of study {} is not finite, first at {}",
                                   suspect.pseudonyms[i][static_cast<std::size_t>(row)], stage);
            }
        }
        return stage.empty();
    });
    return {FindingKind::kForward, text};
}

/// Empty where all are finite: the weights may be one step further than they were.
std::string OverflowForensics::first_stage(SuspectStep const& suspect, UploadedBatch const& batch,
                                           std::size_t micro_step, std::int64_t row) const {
    at::NoGradGuard const no_grad;
    std::string stage;
    ObserverScope const observing(model_, [&](std::string const& name, at::Tensor const& output) {
        if (stage.empty() && output.is_floating_point() && !is_finite(output)) {
            stage = name;
        }
    });
    std::uint64_t const seed =
        train_step_.dropout_seed(suspect.step, static_cast<std::int64_t>(micro_step),
                                 static_cast<std::int64_t>(suspect.traces.image_sums.size()));
    train_step_.encode(batch, {row, 1}, seed, Mode::kEvaluate);
    return stage;
}

Finding OverflowForensics::look_at_gradients(SuspectStep const& suspect) const {
    std::vector<std::size_t> const bad = bad_gradients(suspect.gradient_norms, suspect.traces.gradient_sums);
    bool const is_loss_finite = is_finite(suspect.traces.loss);
    if (!is_loss_finite) {
        return {FindingKind::kLoss,
                fmt::format("the loss is {} from finite latents", suspect.traces.loss.item<double>())};
    }
    if (bad.empty()) {
        return {};
    }
    std::string const& name = parameters_[bad.front()].name;
    std::vector<std::string> studies;
    for (std::vector<std::string> const& rows : suspect.pseudonyms) {
        studies.insert(studies.end(), rows.begin(), rows.end());
    }
    return {FindingKind::kGradient,
            fmt::format("the gradient of {} is not finite (module {}; first of {} such parameters in the "
                        "order of the backward pass; studies {})",
                        name, module_of(name), bad.size(), fmt::join(studies, ", "))};
}

}  // namespace ctclip
