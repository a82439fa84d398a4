#include "phantom/slice_renderer.hpp"

#include <algorithm>
#include <cmath>

#include "base/splitmix64.hpp"
#include "phantom/tissue.hpp"

namespace ctclip {
namespace {

constexpr float kSharpestEdgeMm = 0.8F;  // the blur of the scanner itself
constexpr float kWanderCellMm = 8.0F;
constexpr float kTissueCellMm = 22.0F;
constexpr float kLowestHu = -1024.0F;
constexpr float kHighestHu = 3071.0F;

void mix_into(float& hu, float target, float share) {
    hu += share * (target - hu);
}

float square(float value) {
    return value * value;
}

float smooth_step(float low, float high, float value) {
    float const t = std::clamp((value - low) / (high - low), 0.0F, 1.0F);
    return t * t * (3.0F - 2.0F * t);
}

/// Standard normal to 4 digits in the middle: the sum of four uniform numbers (Irwin-Hall).
float noise_from(std::uint64_t bits) {
    constexpr float kToUnitVariance = 1.7320508F;  // 1 / sqrt(4 / 12)
    auto const sum = static_cast<float>((bits & 0xFFFFU) + ((bits >> 16) & 0xFFFFU) +
                                        ((bits >> 32) & 0xFFFFU) + (bits >> 48));
    return (sum * (1.0F / 65536.0F) - 2.0F) * kToUnitVariance;
}

float voxel_width(ScanGrid const& grid, Vec3 stretch) {
    double const xy = grid.spacing_xy_mm / static_cast<double>(std::sqrt(stretch.x * stretch.y));
    double const z = grid.spacing_z_mm / static_cast<double>(stretch.z);
    return std::max(kSharpestEdgeMm, static_cast<float>(std::cbrt(xy * xy * z)));
}

}  // namespace

SliceRenderer::SliceRenderer(Scene const& scene, ScanGrid const& grid, ScannerTraits const& scanner)
    : scene_(scene),
      grid_(grid),
      scanner_(scanner),
      voxel_mm_(voxel_width(grid, scene.thorax.stretch())),
      bottom_mm_(static_cast<float>(-0.5 * static_cast<double>(grid.num_z) * grid.spacing_z_mm)),
      wander_noise_(derive_seed(scene.seed, "wander"), kWanderCellMm),
      tissue_noise_(derive_seed(scene.seed, "tissue"), kTissueCellMm),
      wander_(grid.num_x),
      tissue_(grid.num_x),
      cage_distance_(grid.num_x),
      lung_(grid.num_x) {
    for (std::size_t stage = 0; stage < kNumStages; ++stage) {
        for (Solid const& solid : scene.solids[stage]) {
            items_[stage].push_back({&solid, painted_bounds(solid, voxel_mm_)});
        }
    }
}

void SliceRenderer::render(std::size_t slice_index, std::span<float> out) {
    Vec3 const stretch = scene_.thorax.stretch();
    Vec3 const shift = scene_.thorax.shift_mm();
    auto const spacing_xy = static_cast<float>(grid_.spacing_xy_mm);
    constexpr float kMiddleZ = 0.5F * (kScanBottomZ + kScanTopZ);
    float const height_mm =
        bottom_mm_ + (static_cast<float>(slice_index) + 0.5F) * static_cast<float>(grid_.spacing_z_mm);
    float const z = kMiddleZ + (height_mm - shift.z) / stretch.z;
    body_ = scene_.thorax.body(z);
    cage_ = scene_.thorax.rib_cage(z);
    select_solids(z);

    auto const first = [&](std::size_t count) { return -0.5F * static_cast<float>(count - 1) * spacing_xy; };
    for (std::size_t j = 0; j < grid_.num_y; ++j) {
        float const y_mm = first(grid_.num_y) + static_cast<float>(j) * spacing_xy;
        row_ = {.first_x = (first(grid_.num_x) - shift.x) / stretch.x,
                .step_x = spacing_xy / stretch.x,
                .num_voxels = grid_.num_x,
                .y = (y_mm - shift.y) / stretch.y +
                     10.0F,  // the chest's origin lies before the middle of the body
                .z = z};
        hu_ = out.subspan(j * grid_.num_x, grid_.num_x);
        std::fill(hu_.begin(), hu_.end(), tissue::kAir);
        wander_noise_.fill(row_, wander_);
        tissue_noise_.fill(row_, tissue_);

        paint_table();
        paint_stage(Stage::kSurface, {});
        paint_soft_tissue();
        paint_ribs();
        paint_lungs();
        paint_stage(Stage::kLung, lung_);
        paint_septa();
        paint_pleura();
        paint_spine();
        paint_stage(Stage::kMediastinum, {});
        paint_stage(Stage::kOverlay, {});
        add_noise(slice_index, j);
    }
}

void SliceRenderer::select_solids(float z) {
    for (std::size_t stage = 0; stage < kNumStages; ++stage) {
        visible_[stage].clear();
        std::copy_if(items_[stage].begin(), items_[stage].end(), std::back_inserter(visible_[stage]),
                     [&](Item const& item) { return item.bounds.low.z <= z && z <= item.bounds.high.z; });
    }
}

void SliceRenderer::paint_stage(Stage stage, std::span<float const> mask) {
    RowPaint const row_paint{hu_, wander_, mask, voxel_mm_};
    for (Item const& item : visible_[static_cast<std::size_t>(stage)]) {
        if (item.bounds.low.y <= row_.y && row_.y <= item.bounds.high.y) {
            paint(*item.solid, item.bounds, row_, row_paint);
        }
    }
}

void SliceRenderer::paint_table() {
    constexpr float kGapMm = 4.0F;
    constexpr float kSkinMm = 1.5F;
    constexpr float kHalfThicknessMm = 9.0F;
    float const top = scene_.thorax.body(0.0F).centre_y + scene_.thorax.body(0.0F).half_depth + kGapMm;
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        float const x = row_.x(i);
        float const surface = top + kHalfThicknessMm - 0.0007F * x * x;
        float const plate = std::max(std::abs(row_.y - surface) - kHalfThicknessMm, std::abs(x) - 215.0F);
        mix_into(hu_[i], -280.0F, coverage(plate, voxel_mm_));
        mix_into(hu_[i], -930.0F, coverage(plate + kSkinMm, voxel_mm_));
    }
}

void SliceRenderer::paint_soft_tissue() {
    constexpr float kSkinMm = 2.0F;
    constexpr float kMuscleMm = 14.0F;
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        float const x = row_.x(i);
        float const body = body_.distance(x, row_.y);
        float const cage = cage_.distance(x, row_.y);
        cage_distance_[i] = cage;
        mix_into(hu_[i], tissue::kSkin, coverage(body, voxel_mm_));
        mix_into(hu_[i], tissue::kFat + 6.0F * tissue_[i], coverage(body + kSkinMm, voxel_mm_));
        mix_into(hu_[i], tissue::kMuscle, coverage(cage - kMuscleMm + 3.0F * wander_[i], voxel_mm_));
    }
    paint_stage(Stage::kWall, {});
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        mix_into(hu_[i], tissue::kFat + 12.0F * wander_[i], coverage(cage_distance_[i], voxel_mm_));
    }
}

void SliceRenderer::paint_ribs() {
    constexpr float kPeriodMm = 25.0F;
    constexpr float kHalfHeightMm = 6.0F;
    constexpr float kHalfThicknessMm = 4.0F;
    constexpr float kFromPleuraMm = 5.0F;
    constexpr float kDescent = 0.42F;  // ribs fall towards the front
    float const height = row_.z - kDescent * row_.y;
    float const phase = height / kPeriodMm;
    float const off_centre = (phase - std::floor(phase) - 0.5F) * kPeriodMm;
    if (height < -185.0F || height > 120.0F || std::abs(off_centre) > kHalfHeightMm + voxel_mm_) {
        return;
    }
    float const cartilage = 1.0F - smooth_step(-72.0F, -62.0F, row_.y);
    float const cortex = tissue::kCortex + cartilage * (tissue::kCartilage - tissue::kCortex);
    float const core = tissue::kMarrow + cartilage * (tissue::kCartilage - tissue::kMarrow);
    float const vertical = square(off_centre / kHalfHeightMm);
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        float const across = (cage_distance_[i] - kFromPleuraMm) / kHalfThicknessMm;
        float const distance = (std::sqrt(vertical + across * across) - 1.0F) * kHalfThicknessMm;
        mix_into(hu_[i], cortex, coverage(distance, voxel_mm_));
        mix_into(hu_[i], core, coverage(distance + 1.6F, voxel_mm_));
    }
}

void SliceRenderer::paint_spine() {
    constexpr float kPeriodMm = 24.0F;
    constexpr float kHalfHeightMm = 9.5F;
    constexpr float kCortexMm = 1.6F;
    Vec3 const centre = scene_.thorax.spine(row_.z);
    Squircle const outline{centre.y, 18.5F, 14.5F, 0.12F};
    float const canal_y = centre.y + 22.0F;
    if (row_.y < centre.y - 20.0F || row_.y > canal_y + 50.0F) {
        return;
    }
    float const phase = row_.z / kPeriodMm;
    float const off_centre = std::abs(phase - std::floor(phase) - 0.5F) * kPeriodMm;
    float const end_plate = off_centre - kHalfHeightMm;
    // The arch and its spinous process, which slants down and so fades in and out along z.
    float const process = std::abs(phase + 0.3F - std::floor(phase + 0.3F) - 0.5F) * kPeriodMm - 7.0F;
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        float const x = row_.x(i);
        if (std::abs(x) > 40.0F) {
            continue;
        }
        float const body = outline.distance(x, row_.y);
        mix_into(hu_[i], 85.0F, coverage(body + 1.0F, voxel_mm_));  // disc
        mix_into(hu_[i], tissue::kCortex, coverage(std::max(body, end_plate), voxel_mm_));
        mix_into(hu_[i], tissue::kMarrow + 25.0F * wander_[i],
                 coverage(std::max(body, end_plate) + kCortexMm, voxel_mm_));
        float const canal = std::sqrt(x * x + square(row_.y - canal_y));
        float const spinous =
            std::max({std::abs(x) - 3.0F, canal_y + 8.0F - row_.y, row_.y - canal_y - 34.0F});
        float const transverse = std::max({std::abs(row_.y - canal_y - 3.0F - 0.25F * std::abs(x)) - 4.0F,
                                           std::abs(x) - 36.0F, 10.0F - std::abs(x)});
        float const arch = std::max(std::min({canal - 13.0F, spinous, transverse}), process);
        float const outside_body = std::max(arch, -body);
        mix_into(hu_[i], tissue::kCortex * 0.85F, coverage(outside_body, voxel_mm_));
        mix_into(hu_[i], tissue::kMarrow * 1.4F, coverage(outside_body + 1.8F, voxel_mm_));
        mix_into(hu_[i], 25.0F, coverage(canal - 9.0F, voxel_mm_));
    }
}

void SliceRenderer::paint_lungs() {
    constexpr float kPleuraMm = 2.0F;
    constexpr float kDependentHuPerMm = 0.45F;  // blood sinks to the back
    float const half_width = scene_.thorax.mediastinum_half_width(row_.y, row_.z);
    float const ends = std::max(scene_.thorax.lung_base_z() - row_.z, row_.z - kLungTopZ);
    Parenchyma const& parenchyma = scene_.parenchyma;
    float const base_hu = parenchyma.hu + kDependentHuPerMm * row_.y;
    bool has_lung = false;
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        float const beside = half_width - std::abs(row_.x(i)) + 2.0F * wander_[i];
        float const distance = std::max({cage_distance_[i] + kPleuraMm, beside, ends});
        lung_[i] = coverage(distance, voxel_mm_);
        has_lung = has_lung || lung_[i] > 0.0F;
        mix_into(hu_[i], base_hu + 14.0F * tissue_[i] + 10.0F * wander_[i], lung_[i]);
    }
    if (!has_lung || parenchyma.bright_lobule_hu == 0.0F) {
        return;
    }
    LobuleRow const lobules(parenchyma.mosaic, row_);
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        if (lung_[i] > 0.0F) {
            LobulePoint const point = lobules.at(row_.x(i));
            // Half-way at the border, so that neighbours blend within a voxel.
            float const depth = coverage(-point.to_septum_mm, 2.0F * voxel_mm_);
            float const own = point.is_bright ? depth : 1.0F - depth;
            hu_[i] += lung_[i] * (parenchyma.dark_lobule_hu +
                                  own * (parenchyma.bright_lobule_hu - parenchyma.dark_lobule_hu));
        }
    }
}

void SliceRenderer::paint_septa() {
    Parenchyma const& parenchyma = scene_.parenchyma;
    if (parenchyma.septum_thickness_mm == 0.0F) {
        return;
    }
    LobuleRow const lobules(parenchyma.septa, row_);
    float const half_mm = 0.5F * parenchyma.septum_thickness_mm;
    float const fill = std::min(1.0F, parenchyma.septum_thickness_mm / voxel_mm_);
    float const towards_base = 1.0F - 0.55F * smooth_step(-40.0F, 90.0F, row_.z);
    for (std::size_t i = 0; i < row_.num_voxels; ++i) {
        if (lung_[i] > 0.0F) {
            float const border = lobules.at(row_.x(i)).to_septum_mm - half_mm;
            float const near_pleura = 1.0F - 0.5F * smooth_step(15.0F, 45.0F, -cage_distance_[i]);
            float const share = lung_[i] * fill * towards_base * near_pleura * coverage(border, voxel_mm_);
            mix_into(hu_[i], 0.0F, share);
        }
    }
}

void SliceRenderer::paint_pleura() {
    float const towards_back = smooth_step(-10.0F, 70.0F, row_.y);
    for (std::size_t side = 0; side < scene_.pleural_fluid.size(); ++side) {
        PleuralFluid const& fluid = scene_.pleural_fluid[side];
        float const below_top = smooth_step(fluid.top_z, scene_.thorax.lung_base_z(), row_.z);
        float const depth = fluid.depth_mm * std::sqrt(std::max(0.0F, below_top)) * towards_back;
        if (depth <= 0.0F) {
            continue;
        }
        float const sign = side_sign(static_cast<Side>(side));
        for (std::size_t i = 0; i < row_.num_voxels; ++i) {
            float const inwards = -cage_distance_[i] - depth;
            float const share = sign * row_.x(i) > 0.0F ? lung_[i] * coverage(inwards, voxel_mm_) : 0.0F;
            mix_into(hu_[i], tissue::kFluid, share);
        }
    }
    float const cap_mm = scene_.apical_cap_mm * smooth_step(78.0F, 108.0F, row_.z);
    if (cap_mm > 0.0F) {
        for (std::size_t i = 0; i < row_.num_voxels; ++i) {
            float const inwards = -cage_distance_[i] - cap_mm + 4.0F * wander_[i];
            mix_into(hu_[i], 30.0F, lung_[i] * coverage(inwards, voxel_mm_));
        }
    }
}

void SliceRenderer::add_noise(std::size_t slice_index, std::size_t row_index) {
    double const radius = 0.5 * static_cast<double>(std::max(grid_.num_x, grid_.num_y));
    double const dy = static_cast<double>(row_index) + 0.5 - 0.5 * static_cast<double>(grid_.num_y);
    std::uint64_t const first = (slice_index * grid_.num_y + row_index) * grid_.num_x;
    for (std::size_t i = 0; i < grid_.num_x; ++i) {
        double const dx = static_cast<double>(i) + 0.5 - 0.5 * static_cast<double>(grid_.num_x);
        float const noisy =
            hu_[i] + scanner_.noise_hu * noise_from(splitmix64(scanner_.noise_seed, first + i));
        bool const is_seen = dx * dx + dy * dy <= radius * radius;
        hu_[i] = is_seen ? std::clamp(noisy, kLowestHu, kHighestHu) : scanner_.outside_hu;
    }
}

}  // namespace ctclip
