/// Attenuation of what phantoms are made of, in HU, without contrast agent.
#pragma once

namespace ctclip::tissue {

inline constexpr float kAir = -1000.0F;
inline constexpr float kFat = -102.0F;
inline constexpr float kFluid = 8.0F;
inline constexpr float kSkin = 15.0F;
inline constexpr float kBlood = 42.0F;
inline constexpr float kMuscle = 55.0F;
inline constexpr float kNode = 48.0F;
inline constexpr float kLiver = 60.0F;
inline constexpr float kSpleen = 50.0F;
inline constexpr float kCartilage = 120.0F;
inline constexpr float kMarrow = 190.0F;
inline constexpr float kCortex = 850.0F;
inline constexpr float kCalcium = 1100.0F;
inline constexpr float kMetal = 3000.0F;

}  // namespace ctclip::tissue
