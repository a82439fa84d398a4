/// The voxels of one phantom as its file holds them.
#pragma once

#include <cstddef>
#include <vector>

#include "base/array.hpp"
#include "phantom/study_plan.hpp"

namespace ctclip {

struct StoredVolume {
    DType dtype = DType::kI16;  ///< kF64, kF32 or kI16
    ArrayOrder order = ArrayOrder::kC;
    ScanGrid grid;
    double slope = 1.0;  ///< HU = slope * voxel + intercept
    double intercept = 0.0;
    std::vector<std::byte> bytes;

    Shape shape() const;  ///< (x, y, z)
    float hu(std::size_t x, std::size_t y, std::size_t z) const;
};

/// Renders the study. Voxels are whole numbers in every dtype, as scanners write them. Equal for any number
/// of threads.
StoredVolume make_volume(PhantomStudy const& study, PhantomOptions const& options, std::size_t num_threads);

}  // namespace ctclip
