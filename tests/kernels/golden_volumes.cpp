#include "kernels/golden_volumes.hpp"

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file_descriptor.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

// All divisions truncate, as the formula says; no operand is negative.
std::int64_t phantom_hu(GoldenVolume const& volume, std::int64_t x, std::int64_t y, std::int64_t z,
                        std::int64_t noise) {
    auto const scaled_square = [](std::int64_t value, std::int64_t length) {
        return value * value * 10000 / (length * length);
    };
    std::int64_t const num_x = volume.shape_xyz[0];
    std::int64_t const num_y = volume.shape_xyz[1];
    std::int64_t const num_z = volume.shape_xyz[2];
    std::int64_t const from_centre_x = 2 * x + 1 - num_x;
    std::int64_t const from_centre_y = 2 * y + 1 - num_y;
    std::int64_t const from_centre_z = 2 * z + 1 - num_z;
    std::int64_t const u = scaled_square(from_centre_x, num_x);
    std::int64_t const v = scaled_square(from_centre_y, num_y);
    std::int64_t const w = scaled_square(from_centre_z, num_z);
    std::int64_t const q = scaled_square(std::abs(from_centre_x) - 2 * num_x / 5, num_x);
    std::int64_t const s = scaled_square(from_centre_y - 9 * num_y / 20, num_y);
    std::int64_t hu = volume.outside_hu;
    bool const is_body = u * 100 / 72 + v * 100 / 42 <= 10000;
    if (is_body) {
        hu = 40 + noise % 31 - 15;
    }
    if (is_body && q * 100 / 9 + v * 100 / 20 + w * 100 / 81 <= 10000) {
        hu = -850 + noise % 201 - 100;
    }
    if (u * 100 + s * 100 <= 10000) {
        hu = 600 + (z * 37) % 23 * 30 + noise % 61 - 30;
    }
    return hu;
}

std::uint16_t raw_voxel(GoldenVolume const& volume, std::uint64_t index) {
    std::uint64_t const h = splitmix64(volume.seed, index);
    std::int64_t const noise = static_cast<std::int64_t>((h >> 32) % 4096) - 1024;
    if (volume.kind == "noise") {
        return half_from(static_cast<double>(noise));
    }
    if (volume.kind == "eighth") {
        return half_from((static_cast<double>((h >> 32) % 32768) - 12288.0) / 8.0);
    }
    if (volume.kind == "bits") {
        auto const bits = static_cast<std::uint16_t>(h & 0xFFFFU);
        return is_half_finite(bits) ? bits : static_cast<std::uint16_t>(bits ^ 0x4000U);
    }
    if (volume.kind == "special") {
        static constexpr std::uint16_t kSpecial[4] = {0x7E00, 0x7C00, 0xFC00, 0xFE00};
        return (h & 0xFFFFU) < volume.special_rate ? kSpecial[(h >> 16) & 3]
                                                   : half_from(static_cast<double>(noise));
    }
    auto const num_y = static_cast<std::uint64_t>(volume.shape_xyz[1]);
    auto const num_z = static_cast<std::uint64_t>(volume.shape_xyz[2]);
    auto const x = static_cast<std::int64_t>(index / (num_y * num_z));
    auto const y = static_cast<std::int64_t>(index / num_z % num_y);
    auto const z = static_cast<std::int64_t>(index % num_z);
    std::int64_t const hu = phantom_hu(volume, x, y, z, static_cast<std::int64_t>(h >> 20));
    return half_from(static_cast<double>(hu - volume.phantom_intercept));
}

GoldenVolume parse(nlohmann::json const& row) {
    GoldenVolume volume;
    volume.name = row.at("case");
    volume.shape_xyz = row.at("shape_xyz").get<std::vector<std::int64_t>>();
    volume.slope = row.at("slope");
    volume.intercept = row.at("intercept");
    volume.xy_spacing_mm = std::stod(row.at("xy_spacing").get<std::string>().substr(1));
    volume.z_spacing_mm = row.at("z_spacing");
    auto const target_xyz = row.at("target_xyz").get<std::vector<std::int32_t>>();
    volume.target.shape_zxy = {target_xyz[2], target_xyz[0], target_xyz[1]};
    volume.resized_xyz = row.at("resized_xyz").get<std::vector<std::int64_t>>();
    volume.crop_pad_xyz = row.at("crop_pad_xyz").get<std::vector<std::vector<std::int64_t>>>();
    volume.raw_sha256 = row.at("raw_sha256");
    volume.clip_then_resize_sha256 = row.at("clip_resize").at("sha256");
    if (row.contains("resize_clip")) {
        volume.resize_then_clip_sha256 = row.at("resize_clip").at("sha256");
    }
    nlohmann::json const& generator = row.at("generator");
    volume.kind = generator.at("kind");
    volume.seed = generator.at("seed");
    volume.phantom_intercept = generator.value("phantom_intercept", 0);
    volume.outside_hu = generator.value("outside_hu", 0);
    volume.special_rate = generator.value("special_rate", 0U);
    return volume;
}

}  // namespace

PreprocessRecipe GoldenVolume::recipe(ClipOrder order) const {
    return make_recipe(plan_geometry(shape_xyz, xy_spacing_mm, z_spacing_mm, target), slope, intercept,
                       order);
}

std::vector<std::uint16_t> GoldenVolume::raw() const {
    std::vector<std::uint16_t> voxels(static_cast<std::size_t>(shape_xyz[0] * shape_xyz[1] * shape_xyz[2]));
    for (std::size_t index = 0; index < voxels.size(); ++index) {
        voxels[index] = raw_voxel(*this, index);
    }
    return voxels;
}

std::vector<GoldenVolume> golden_volumes() {
    std::vector<GoldenVolume> volumes;
    auto const rows = nlohmann::json::parse(
        read_text_file(std::filesystem::path(CTCLIP_TEST_DATA) / "kernels" / "volumes.json"));
    for (nlohmann::json const& row : rows) {
        volumes.push_back(parse(row));
    }
    return volumes;
}

}  // namespace ctclip
