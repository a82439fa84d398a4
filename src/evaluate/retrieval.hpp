/// Retrieval by similarity of latents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace ctclip {

/// How well reports find their own volumes.
struct ReportRetrieval {
    /// Of volume i among all volumes, for report i: from 0, by dot product, ties to the lower index.
    std::vector<std::int64_t> rank_of_match;

    /// Share of reports whose volume is among the first k; nothing if there are fewer than k volumes.
    std::optional<double> recall_at(std::int64_t k) const;
};

/// @param image_latents, text_latents  (N, E) row-major; row i belongs to row i. Time N^2 E, memory N E.
/// @throws Error kBadInput if the sizes do not fit.
ReportRetrieval rank_volumes(std::span<float const> image_latents, std::span<float const> text_latents,
                             std::size_t latent_size);

/// The published volume-to-volume score for one k: mean overlap (intersection over union) of a volume's
/// labels with those of the k volumes most similar to it by cosine, among those that have a label at all;
/// over all volumes. (The script prints the mean over this and all smaller values of k, because it never
/// empties its list.)
/// @param image_latents  (N, E) row-major.    @param labels  (N, C) row-major, 0 or 1.
double label_overlap_at(std::span<float const> image_latents, std::size_t latent_size,
                        std::span<std::uint8_t const> labels, std::size_t num_classes, std::size_t k);

/// What an evaluation reports of both, for the published k: 5, 10, 50, 100, and 1, 5, 10, 50. By k; without those
/// that are more than there are volumes.
struct RetrievalMetrics {
    std::map<std::int64_t, double> report_recall;
    std::map<std::int64_t, double> volume_label_overlap;  ///< over the volumes whose labels are known
};

/// @param image_latents, text_latents  (N, E) row-major.
/// @param labels  (N, C) row-major: 0, 1, or NaN throughout a row whose labels are unknown.
RetrievalMetrics measure_retrieval(std::span<float const> image_latents, std::span<float const> text_latents,
                                   std::size_t latent_size, std::span<float const> labels, std::size_t num_classes);

}  // namespace ctclip
