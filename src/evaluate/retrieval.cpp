#include "evaluate/retrieval.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace ctclip {

namespace {

/// Rows of latents stored by column, so that the products of one query with all rows advance together (in
/// vector registers) and each is still summed in the order of its elements.
class Gallery {
  public:
    Gallery(std::span<float const> latents, std::size_t latent_size)
        : num_rows_(latents.size() / latent_size), columns_(latents.size()) {
        for (std::size_t row = 0; row < num_rows_; ++row) {
            for (std::size_t i = 0; i < latent_size; ++i) {
                columns_[i * num_rows_ + row] = latents[row * latent_size + i];
            }
        }
    }

    std::size_t num_rows() const { return num_rows_; }

    void dot_products(std::span<float const> query, std::vector<double>& products) const {
        constexpr std::size_t kBlock = 512;  // rows whose sums stay in the first cache
        products.assign(num_rows_, 0.0);
        for (std::size_t first = 0; first < num_rows_; first += kBlock) {
            std::size_t const last = std::min(first + kBlock, num_rows_);
            for (std::size_t i = 0; i < query.size(); ++i) {
                double const factor = query[i];
                float const* const column = columns_.data() + i * num_rows_;
                for (std::size_t row = first; row < last; ++row) {
                    products[row] += factor * static_cast<double>(column[row]);
                }
            }
        }
    }

  private:
    std::size_t num_rows_;
    std::vector<float> columns_;
};

std::vector<std::size_t> largest(std::vector<double> const& values, std::size_t k) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::size_t const kept = std::min(k, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](std::size_t a, std::size_t b) {
                          return values[a] > values[b] || (values[a] == values[b] && a < b);
                      });
    order.resize(kept);
    return order;
}

double length_of(std::span<float const> latent) {
    double sum = 0.0;
    for (float const value : latent) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return std::sqrt(sum);
}

/// Intersection over union; 0 if neither has a label.
double overlap(std::span<std::uint8_t const> a, std::span<std::uint8_t const> b) {
    int both = 0;
    int either = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        both += a[i] != 0 && b[i] != 0 ? 1 : 0;
        either += a[i] != 0 || b[i] != 0 ? 1 : 0;
    }
    return either == 0 ? 0.0 : static_cast<double>(both) / either;
}

void check_rows(std::size_t num_values, std::size_t row_size, char const* what) {
    require(row_size > 0 && num_values % row_size == 0, ExitCode::kBadInput, "{} {} do not make rows of {}",
            num_values, what, row_size);
}

}  // namespace

std::optional<double> ReportRetrieval::recall_at(std::int64_t k) const {
    if (k > std::ssize(rank_of_match)) {
        return std::nullopt;
    }
    auto const hits = std::count_if(rank_of_match.begin(), rank_of_match.end(),
                                    [k](std::int64_t rank) { return rank < k; });
    return static_cast<double>(hits) / static_cast<double>(rank_of_match.size());
}

ReportRetrieval rank_volumes(std::span<float const> image_latents, std::span<float const> text_latents,
                             std::size_t latent_size) {
    check_rows(image_latents.size(), latent_size, "latent values");
    require(image_latents.size() == text_latents.size(), ExitCode::kBadInput,
            "{} values of image latents and {} of text latents: every report needs its volume",
            image_latents.size(), text_latents.size());
    Gallery const gallery(image_latents, latent_size);
    ReportRetrieval retrieval;
    std::vector<double> products;
    for (std::size_t report = 0; report < gallery.num_rows(); ++report) {
        gallery.dot_products(text_latents.subspan(report * latent_size, latent_size), products);
        double const own = products[report];
        auto const own_position = products.begin() + static_cast<std::ptrdiff_t>(report);
        auto const better =
            std::count_if(products.begin(), products.end(), [own](double other) { return other > own; });
        auto const equal_before = std::count(products.begin(), own_position, own);
        retrieval.rank_of_match.push_back(better + equal_before);
    }
    return retrieval;
}

double label_overlap_at(std::span<float const> image_latents, std::size_t latent_size,
                        std::span<std::uint8_t const> labels, std::size_t num_classes, std::size_t k) {
    check_rows(image_latents.size(), latent_size, "latent values");
    check_rows(labels.size(), num_classes, "labels");
    std::size_t const num_volumes = image_latents.size() / latent_size;
    require(labels.size() / num_classes == num_volumes && k > 0, ExitCode::kBadInput,
            "{} volumes, {} rows of labels, k = {}", num_volumes, labels.size() / num_classes, k);
    auto const labels_of = [&](std::size_t row) { return labels.subspan(row * num_classes, num_classes); };
    auto const latent_of = [&](std::size_t row) {
        return image_latents.subspan(row * latent_size, latent_size);
    };

    std::vector<std::size_t> labelled;
    std::vector<float> labelled_latents;
    for (std::size_t row = 0; row < num_volumes; ++row) {
        std::span<std::uint8_t const> const own = labels_of(row);
        if (std::any_of(own.begin(), own.end(), [](std::uint8_t label) { return label != 0; })) {
            labelled.push_back(row);
            std::span<float const> const latent = latent_of(row);
            labelled_latents.insert(labelled_latents.end(), latent.begin(), latent.end());
        }
    }
    Gallery const gallery(labelled_latents, latent_size);
    double sum = 0.0;
    std::vector<double> cosines;
    for (std::size_t row = 0; row < num_volumes; ++row) {
        gallery.dot_products(latent_of(row), cosines);
        for (std::size_t i = 0; i < cosines.size(); ++i) {
            cosines[i] /= length_of(latent_of(row)) * length_of(latent_of(labelled[i]));
        }
        double overlaps = 0.0;
        std::vector<std::size_t> const best = largest(cosines, k);
        for (std::size_t const match : best) {
            overlaps += overlap(labels_of(row), labels_of(labelled[match]));
        }
        sum += best.empty() ? 0.0 : overlaps / static_cast<double>(best.size());
    }
    return sum / static_cast<double>(num_volumes);
}

RetrievalMetrics measure_retrieval(std::span<float const> image_latents, std::span<float const> text_latents,
                                   std::size_t latent_size, std::span<float const> labels, std::size_t num_classes) {
    RetrievalMetrics metrics;
    ReportRetrieval const reports = rank_volumes(image_latents, text_latents, latent_size);
    for (std::int64_t const k : {5, 10, 50, 100}) {
        if (std::optional<double> const recall = reports.recall_at(k)) {
            metrics.report_recall[k] = *recall;
        }
    }
    std::vector<float> known_latents;
    std::vector<std::uint8_t> known_labels;
    for (std::size_t row = 0; row * num_classes < labels.size(); ++row) {
        std::span<float const> const row_labels = labels.subspan(row * num_classes, num_classes);
        if (std::any_of(row_labels.begin(), row_labels.end(), [](float label) { return std::isnan(label); })) {
            continue;
        }
        std::span<float const> const latent = image_latents.subspan(row * latent_size, latent_size);
        known_latents.insert(known_latents.end(), latent.begin(), latent.end());
        for (float const label : row_labels) {
            known_labels.push_back(label > 0.5F ? 1 : 0);
        }
    }
    auto const num_known = static_cast<std::int64_t>(known_latents.size() / latent_size);
    for (std::int64_t const k : {1, 5, 10, 50}) {
        if (k <= num_known) {
            metrics.volume_label_overlap[k] =
                label_overlap_at(known_latents, latent_size, known_labels, num_classes, static_cast<std::size_t>(k));
        }
    }
    return metrics;
}

}  // namespace ctclip
