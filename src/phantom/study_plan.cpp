#include "phantom/study_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "phantom/random_stream.hpp"
#include "phantom/thorax.hpp"

namespace ctclip {
namespace {

double rounded_to_um(double value_mm) {
    return std::round(value_mm * 1000.0) / 1000.0;
}

SignSet draw_signs(PhantomOptions const& options, std::int64_t index, std::uint64_t study_seed) {
    if (options.fixed_signs) {
        return *options.fixed_signs;
    }
    SignSet signs;
    if (options.one_label_each) {
        signs.set(static_cast<std::size_t>(index) % kNumSigns);
        return signs;
    }
    RandomStream random(study_seed, "signs");
    if (options.prevalence) {
        for (std::size_t sign = 0; sign < kNumSigns; ++sign) {
            signs[sign] = random.chance(*options.prevalence);
        }
        return signs;
    }
    int const wanted =
        random.between(static_cast<int>(options.min_findings), static_cast<int>(options.max_findings));
    while (signs.count() < static_cast<std::size_t>(wanted)) {
        signs.set(random.below(kNumSigns));
    }
    return signs;
}

std::size_t jittered(std::int64_t size, std::int64_t largest, double jitter, RandomStream& random) {
    double const factor = 1.0 + jitter * (2.0 * random.unit() - 1.0);
    double const voxels = std::round(static_cast<double>(size) * factor);
    return static_cast<std::size_t>(
        std::clamp(voxels, static_cast<double>(kMinPhantomSize), static_cast<double>(largest)));
}

/// The field of view follows the patient's size, as a radiographer sets it.
ScanGrid draw_grid(PhantomOptions const& options, Thorax const& thorax, RandomStream& random) {
    ScanGrid grid;
    grid.num_x = jittered(options.size[0], kMaxPhantomSize[0], options.size_jitter, random);
    grid.num_y = jittered(options.size[1], kMaxPhantomSize[1], options.size_jitter, random);
    grid.num_z = jittered(options.size[2], kMaxPhantomSize[2], options.size_jitter, random);
    double const width_mm = 2.0 * static_cast<double>(thorax.body(0.0F).half_width * thorax.stretch().x);
    double const field_mm = std::clamp(width_mm, 310.0, 420.0) * (1.06 + 0.06 * random.unit());
    double const height_mm =
        static_cast<double>((kScanTopZ - kScanBottomZ) * thorax.stretch().z) * (0.98 + 0.04 * random.unit());
    grid.spacing_xy_mm = rounded_to_um(field_mm / static_cast<double>(std::max(grid.num_x, grid.num_y)));
    grid.spacing_z_mm = rounded_to_um(height_mm / static_cast<double>(grid.num_z));
    return grid;
}

struct ScannerModel {
    std::string_view manufacturer;
    double slope;
    double intercept;
    float outside_hu;
};

constexpr std::array<ScannerModel, 5> kScanners = {{
    {"Siemens Healthineers", 1.0, -1024.0, -1024.0F},
    {"Philips", 1.0, -1024.0, -1024.0F},
    {"PNMS", 1.0, 0.0, -1024.0F},
    {"SIEMENS", 1.0, -8192.0, -1024.0F},
    {"TOSHIBA", 0.5, -1000.0, -1024.0F},
}};

}  // namespace

std::filesystem::path PhantomStudy::relative_path() const {
    std::string const scan = study_id.substr(0, study_id.rfind('_'));
    std::string const patient = scan.substr(0, scan.rfind('_'));
    return std::filesystem::path(patient) / scan / (study_id + ".npz");
}

PhantomStudy plan_study(PhantomOptions const& options, std::int64_t index) {
    std::int64_t const patient = options.first_patient + index;
    PhantomStudy study;
    study.study_id = fmt::format("{}_{}_a_1", options.split, patient);
    std::uint64_t const set_seed =
        derive_seed(static_cast<std::uint64_t>(options.seed), "phantoms " + options.split);
    study.seed = splitmix64(set_seed, static_cast<std::uint64_t>(patient));
    study.signs = draw_signs(options, index, study.seed);

    RandomStream random(study.seed, "scan");
    ScannerModel const& model = random.pick(kScanners);
    study.manufacturer = model.manufacturer;
    study.rescale_slope = model.slope;
    study.rescale_intercept = model.intercept;
    study.scanner = {.noise_hu = random.uniform(9.0F, 22.0F),
                     .outside_hu = model.outside_hu,
                     .noise_seed = derive_seed(study.seed, "noise")};
    study.grid = draw_grid(options, Thorax(study.seed, 1.0F), random);
    study.report = write_report(study.seed, study.signs, options.report_style);
    return study;
}

Scene scene_of(PhantomStudy const& study, double severity) {
    return make_scene(study.seed, study.signs, static_cast<float>(severity));
}

}  // namespace ctclip
