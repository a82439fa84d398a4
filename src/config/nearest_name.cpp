#include "config/nearest_name.hpp"

#include <algorithm>

namespace ctclip {
namespace {

std::string_view last_part(std::string_view name) {
    auto const dot = name.rfind('.');
    return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Optimal string alignment: three rows of the usual table.
    std::vector<std::size_t> two_up(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        two_up.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replace, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], two_up[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view name, std::vector<std::string> const& candidates) {
    std::optional<std::string> nearest;
    std::size_t least = std::max<std::size_t>(2, last_part(name).size() / 3) + 1;
    for (std::string const& candidate : candidates) {
        std::size_t const distance = edit_distance(name, candidate);
        if (distance < least) {
            least = distance;
            nearest = candidate;
        }
    }
    if (nearest) {
        return nearest;
    }
    auto const same_part =
        std::find_if(candidates.begin(), candidates.end(), [&](std::string const& candidate) {
            return edit_distance(last_part(candidate), last_part(name)) <= last_part(name).size() / 6;
        });
    return same_part == candidates.end() ? std::nullopt : std::optional(*same_part);
}

}  // namespace ctclip
