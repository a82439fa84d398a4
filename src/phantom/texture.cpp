#include "phantom/texture.hpp"

#include <cmath>
#include <limits>

#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

std::int64_t floor_to_int(float value) {
    return static_cast<std::int64_t>(std::floor(value));
}

std::uint64_t lattice_bits(std::uint64_t seed, std::int64_t ix, std::int64_t iy, std::int64_t iz) {
    constexpr std::uint64_t kMask = (1U << 21) - 1;  // 21 bits an axis: 2 million cells, no overlap
    auto const pack = [](std::int64_t index) { return static_cast<std::uint64_t>(index) & kMask; };
    return splitmix64(seed, (pack(ix) << 42) | (pack(iy) << 21) | pack(iz));
}

float fade(float t) {
    return t * t * (3.0F - 2.0F * t);
}

float mix(float from, float to, float share) {
    return from + (to - from) * share;
}

float unit_from_16_bits(std::uint64_t bits) {
    return static_cast<float>(bits & 0xFFFFU) * (1.0F / 65536.0F);
}

}  // namespace

float ValueNoise::node(std::int64_t ix, std::int64_t iy, std::int64_t iz) const {
    return static_cast<float>(to_unit(lattice_bits(seed_, ix, iy, iz))) * 2.0F - 1.0F;
}

void ValueNoise::fill(Row const& row, std::span<float> out) {
    if (row.num_voxels == 0) {
        return;
    }
    float const v = row.y / cell_mm_;
    float const w = row.z / cell_mm_;
    std::int64_t const iy = floor_to_int(v);
    std::int64_t const iz = floor_to_int(w);
    float const fy = fade(v - static_cast<float>(iy));
    float const fz = fade(w - static_cast<float>(iz));
    std::int64_t const first = floor_to_int(row.x(0) / cell_mm_);
    std::int64_t const last = floor_to_int(row.x(row.num_voxels - 1) / cell_mm_) + 1;

    // y and z are fixed along a row: blend them once per lattice column.
    nodes_.resize(static_cast<std::size_t>(last - first + 1));
    for (std::int64_t ix = first; ix <= last; ++ix) {
        float const low = mix(node(ix, iy, iz), node(ix, iy + 1, iz), fy);
        float const high = mix(node(ix, iy, iz + 1), node(ix, iy + 1, iz + 1), fy);
        nodes_[static_cast<std::size_t>(ix - first)] = mix(low, high, fz);
    }
    for (std::size_t i = 0; i < row.num_voxels; ++i) {
        float const u = row.x(i) / cell_mm_ - static_cast<float>(first);
        auto const column = static_cast<std::size_t>(u);
        out[i] = mix(nodes_[column], nodes_[column + 1], fade(u - static_cast<float>(column)));
    }
}

LobuleRow::LobuleRow(LobulePattern const& pattern, Row const& row) : cell_mm_(pattern.cell_mm) {
    std::int64_t const iy = floor_to_int(row.y / cell_mm_);
    std::int64_t const iz = floor_to_int(row.z / cell_mm_);
    first_column_ = floor_to_int(row.x(0) / cell_mm_) - 1;
    std::int64_t const last_column = floor_to_int(row.x(row.num_voxels - 1) / cell_mm_) + 1;
    for (std::int64_t ix = first_column_; ix <= last_column; ++ix) {
        for (std::int64_t dy = -1; dy <= 1; ++dy) {
            for (std::int64_t dz = -1; dz <= 1; ++dz) {
                std::uint64_t const bits = lattice_bits(pattern.seed, ix, iy + dy, iz + dz);
                Site site{};
                site.x = (static_cast<float>(ix) + unit_from_16_bits(bits)) * cell_mm_;
                site.y = (static_cast<float>(iy + dy) + unit_from_16_bits(bits >> 16)) * cell_mm_ - row.y;
                site.z = (static_cast<float>(iz + dz) + unit_from_16_bits(bits >> 32)) * cell_mm_ - row.z;
                site.squared_offset = site.y * site.y + site.z * site.z;
                site.is_bright = (bits >> 63) != 0;
                sites_.push_back(site);
            }
        }
    }
}

LobulePoint LobuleRow::at(float x) const {
    auto const column = static_cast<std::size_t>(floor_to_int(x / cell_mm_) - first_column_ - 1);
    Site const* const begin = &sites_[column * kSitesPerColumn];
    Site const* nearest = begin;
    Site const* second = begin;
    float nearest_squared = std::numeric_limits<float>::infinity();
    float second_squared = nearest_squared;
    for (Site const* site = begin; site != begin + 3 * kSitesPerColumn; ++site) {
        float const dx = site->x - x;
        float const squared = dx * dx + site->squared_offset;
        if (squared < nearest_squared) {
            second = nearest;
            second_squared = nearest_squared;
            nearest = site;
            nearest_squared = squared;
        } else if (squared < second_squared) {
            second = site;
            second_squared = squared;
        }
    }
    // The border between two sites is the plane half-way: (d2^2 - d1^2) / (2 |s2 - s1|).
    Vec3 const apart{second->x - nearest->x, second->y - nearest->y, second->z - nearest->z};
    float const between = std::max(length(apart), 1e-3F);
    return {nearest->is_bright, (second_squared - nearest_squared) / (2.0F * between)};
}

}  // namespace ctclip
