#include "loss/contrastive_loss.hpp"

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/trace.hpp"

namespace ctclip {
namespace {

constexpr double kReferenceEps = 1e-20;

/// S or its transpose, the rows of this rank: (n, N), row i's own partner in column first + i.
struct LogitRows {
    at::Tensor logits;
    std::int64_t first;

    at::Tensor positives() const { return at::diagonal(logits, first); }
    at::Tensor is_positive() const {
        at::Tensor const columns = at::arange(logits.size(1), logits.options().dtype(at::kLong));
        at::Tensor const partners = at::arange(first, first + logits.size(0), columns.options());
        return columns.unsqueeze(0).eq(partners.unsqueeze(1));
    }
};

/// ln sum_j e^x_ij of each row; -inf elements count nothing. (at::logsumexp has no shape function for the
/// meta device.)
at::Tensor log_sum_exp(at::Tensor const& rows) {
    at::Tensor const largest = rows.detach().amax({1}, true);
    return (rows - largest).exp().sum({1}).log() + largest.squeeze(1);
}

/// ln(exp(x) + 1e-20) without overflow.
at::Tensor log_with_eps(at::Tensor const& x) {
    return at::logaddexp(x, at::full({}, std::log(kReferenceEps), x.options()));
}

/// mean_i (ln sum_j e^S_ij - S_ii)
at::Tensor mean_negative_log_share(LogitRows const& rows, LossOptions const& options) {
    at::Tensor const summands =
        options.denominator == Denominator::kAll
            ? rows.logits
            : rows.logits.masked_fill(rows.is_positive(), -std::numeric_limits<double>::infinity());
    at::Tensor denominator = log_sum_exp(summands);
    at::Tensor numerator = rows.positives();
    if (options.form == SoftmaxForm::kReference) {
        denominator = log_with_eps(denominator);
        numerator = log_with_eps(numerator);
    }
    return (denominator - numerator).mean();
}

at::Tensor siglip_loss(LogitRows const& rows, at::Tensor const& logit_bias) {
    at::Tensor const signs = rows.is_positive().to(rows.logits.scalar_type()).mul_(2).sub_(1);
    return at::log_sigmoid(signs * (rows.logits + logit_bias)).sum().neg() / rows.logits.size(0);
}

}  // namespace

at::Tensor contrastive_loss(at::Tensor const& text, at::Tensor const& image, LossScalars const& scalars,
                            LossOptions const& options, RowPartition const& partition,
                            Communicator& communicator) {
    TraceScope const scope("loss");
    bool const is_global = options.negatives == Negatives::kGlobal;
    std::int64_t const num_rows = is_global ? partition.num_global_rows() : text.size(0);
    std::int64_t const first = is_global ? partition.first_row(communicator.rank()) : 0;
    require(options.denominator == Denominator::kAll || num_rows > 1, ExitCode::kBadConfig,
            "the decoupled loss has no negative in a batch of one sample. Use a larger batch, or switch off "
            "model.clip.decoupled.");

    at::Tensor const scale = scalars.temperature.exp();
    at::Tensor all_text = text;
    at::Tensor all_image = image;
    if (is_global) {
        std::vector<at::Tensor> const all =
            gather_rows(at::cat({text, image}, 1), partition, communicator).split(text.size(1), 1);
        all_text = all[0];
        all_image = all[1];
    }
    LogitRows const from_text{at::mm(text, all_image.t()) * scale, first};
    // R n_r / N: 1 where every rank has as many rows.
    double const share = static_cast<double>(communicator.world_size()) * static_cast<double>(text.size(0)) /
                         static_cast<double>(partition.num_global_rows());
    if (options.type == LossType::kSiglip) {
        return siglip_loss(from_text, scalars.logit_bias) * share;
    }
    LogitRows const from_image{at::mm(image, all_text.t()) * scale, first};
    return (mean_negative_log_share(from_text, options) + mean_negative_log_share(from_image, options)) *
           (0.5 * share);
}

}  // namespace ctclip
