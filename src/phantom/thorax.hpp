/// The healthy chest that everything else is placed in: where skin, rib cage, lungs, heart and diaphragm are.
#pragma once

#include <cstdint>

#include "phantom/random_stream.hpp"
#include "phantom/shapes.hpp"

namespace ctclip {

enum class Side { kRight, kLeft };

constexpr float side_sign(Side side) {
    return side == Side::kRight ? -1.0F : 1.0F;  // the patient's left is at positive x
}

/// One person's proportions. All lengths in mm of a standard chest; `stretch` makes real millimetres of them.
class Thorax {
  public:
    /// @param heart_scale  1 is a normal heart.
    Thorax(std::uint64_t seed, float heart_scale);

    Squircle body(float z) const;      ///< skin
    Squircle rib_cage(float z) const;  ///< inner surface
    float fat_thickness_mm() const noexcept { return fat_thickness_mm_; }
    bool has_breasts() const noexcept { return has_breasts_; }

    /// Half the width of what lies between the lungs.
    float mediastinum_half_width(float y, float z) const;
    float lung_base_z() const noexcept { return lung_base_z_; }
    /// Signed distance to the surface of the aerated lung, heart and diaphragm cut out. Negative inside.
    float lung_distance(Vec3 point) const;
    /// A point at least `margin_mm` deep in the lung of that side with z in [z_low, z_high].
    Vec3 point_in_lung(RandomStream& random, Side side, float z_low, float z_high, float margin_mm) const;
    /// Where bronchi and vessels enter the lung.
    Vec3 hilum(Side side) const;

    Ellipsoid const& heart() const noexcept { return heart_; }
    Ellipsoid const& right_dome() const noexcept { return right_dome_; }  ///< liver
    Ellipsoid const& left_dome() const noexcept { return left_dome_; }    ///< spleen and stomach

    Vec3 spine(float z) const;  ///< centre of the vertebral body at that height

    Vec3 stretch() const noexcept { return stretch_; }  ///< real mm per mm of the standard chest
    Vec3 shift_mm() const noexcept { return shift_mm_; }

  private:
    float fat_thickness_mm_;
    bool has_breasts_;
    float lung_base_z_;
    Ellipsoid heart_;
    Ellipsoid right_dome_;
    Ellipsoid left_dome_;
    Vec3 stretch_;
    Vec3 shift_mm_;
};

inline constexpr float kLungTopZ = 128.0F;
inline constexpr float kScanBottomZ = -158.0F;  ///< the scanned range of a standard chest
inline constexpr float kScanTopZ = 148.0F;

}  // namespace ctclip
