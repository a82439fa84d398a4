/// What NIfTI headers say otherwise than themselves or the metadata CSV. An archive may have the same oddity in each
/// of its volumes: the first few are logged by name, all are counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ctclip {

enum class HeaderOddity : std::size_t { kOrientation, kSpacing };
inline constexpr std::size_t kNumHeaderOddities = 2;

struct HeaderWarning {
    HeaderOddity oddity{};
    std::string text;  ///< with the file's name
};

/// Volumes by HeaderOddity.
using HeaderOddityCounts = std::array<std::int64_t, kNumHeaderOddities>;

class HeaderWarnings {
  public:
    /// Of one volume.
    void note(std::vector<HeaderWarning> const& warnings);
    HeaderOddityCounts const& counts() const { return counts_; }

  private:
    HeaderOddityCounts counts_{};
};

/// One line for each oddity that more volumes have than are logged by name.
std::vector<std::string> header_oddity_sums(HeaderOddityCounts const& counts);

}  // namespace ctclip
