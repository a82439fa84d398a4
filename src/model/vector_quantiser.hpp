/// The cosine-similarity vector quantiser of CTViT (Yu et al. 2022, "ViT-VQGAN"; the Python package
/// vector-quantize-pytorch), in the policy's kQuantiser type
/// throughout.
#pragma once

#include <ATen/ATen.h>

namespace ctclip {

inline constexpr double kCodebookDecay = 0.8;
inline constexpr double kQuantiserEps = 1e-12;  ///< smallest norm that is divided by

/// What one forward pass adds to the codebook's moving average. Plain sums: adding those of several micro
/// steps or ranks gives that of all their tokens together.
struct CodebookStatistics {
    at::Tensor sums;    ///< (codes, D): normalised tokens, summed by their code
    at::Tensor counts;  ///< (codes): tokens of each code

    bool defined() const { return sums.defined(); }
    /// @param other  of the same codebook.
    void add(CodebookStatistics const& other);
};

/// (N) int64: the code nearest to each row of x (N, D) by cosine, lowest index on ties. embed (codes, D).
/// Similarities are made block by block and never stored as a whole.
at::Tensor nearest_codes(at::Tensor const& x, at::Tensor const& embed);

/// The codebook rows at `indices` as stored (not normalised), shape of x (N, D). Straight-through: the
/// gradient of the result is passed to x unchanged; the codebook gets none.
at::Tensor quantise(at::Tensor const& x, at::Tensor const& indices, at::Tensor const& embed);

CodebookStatistics codebook_statistics(at::Tensor const& x, at::Tensor const& indices,
                                       std::int64_t num_codes);

/// One step of the moving average, in place: cluster_size (codes) and embed (codes, D). A code without tokens
/// moves towards its own normalised row.
/// @param skip  undefined, or one element on the codebook's device: nonzero leaves the codebook as it is (a
/// step
///              whose gradients overflowed changes nothing, and the host need not know yet).
void update_codebook(at::Tensor const& embed, at::Tensor const& cluster_size,
                     CodebookStatistics const& statistics, at::Tensor const& skip);

/// x / max(|x|, 1e-12) over the last dimension. Differentiable.
at::Tensor l2_normalise(at::Tensor const& x);

}  // namespace ctclip
