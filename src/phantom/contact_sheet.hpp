/// One picture to look at what was made: a row of slices for each study.
#pragma once

#include <cstddef>

#include "phantom/png_file.hpp"
#include "phantom/stored_volume.hpp"

namespace ctclip {

/// Columns, left to right: four axial slices in the lung window (diaphragm to apex), two in the mediastinal
/// window, a coronal one, a sagittal one, and the brightest voxel on each line from front to back (metal,
/// calcium, bones). As radiologists hang them: the patient's right is on the left.
class ContactSheet {
  public:
    explicit ContactSheet(std::size_t num_studies);

    /// Rows may be drawn in any order, by any thread, each once.
    void draw_row(std::size_t row, StoredVolume const& volume);
    GreyImage const& image() const noexcept { return image_; }

  private:
    GreyImage image_;
};

inline constexpr std::size_t kMaxContactSheetRows = 36;

}  // namespace ctclip
