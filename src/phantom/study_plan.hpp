/// Everything about one phantom but its voxels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "phantom/phantom_options.hpp"
#include "phantom/report_writer.hpp"
#include "phantom/sign.hpp"
#include "phantom/slice_renderer.hpp"

namespace ctclip {

struct PhantomStudy {
    std::string study_id;  ///< "valid_90001_a_1"
    std::uint64_t seed = 0;
    SignSet signs;
    ScanGrid grid;
    ScannerTraits scanner;
    std::string manufacturer;
    double rescale_slope = 1.0;
    double rescale_intercept = 0.0;
    Report report;

    /// "valid_90001/valid_90001_a/valid_90001_a_1.npz", as CT-RATE's tree has it.
    std::filesystem::path relative_path() const;
};

/// A pure function of (options.seed, options.split, patient number) and of the options that shape it: studies
/// can be made in any order and any number.
/// @param index  the patient is number options.first_patient + index.
PhantomStudy plan_study(PhantomOptions const& options, std::int64_t index);

/// The picture of that study.
Scene scene_of(PhantomStudy const& study, double severity);

}  // namespace ctclip
