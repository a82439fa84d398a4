/// The 18 abnormalities of CT-RATE; each has one visible sign in the phantoms.
#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>

#include "study/study_table.hpp"

namespace ctclip {

/// In the order of kAbnormalityNames, which is the column order of CT-RATE's label CSV.
enum class Sign : std::size_t {
    kMedicalMaterial,
    kArterialCalcification,
    kCardiomegaly,
    kPericardialEffusion,
    kCoronaryCalcification,
    kHiatalHernia,
    kLymphadenopathy,
    kEmphysema,
    kAtelectasis,
    kLungNodule,
    kLungOpacity,
    kFibroticSequela,
    kPleuralEffusion,
    kMosaicAttenuation,
    kPeribronchialThickening,
    kConsolidation,
    kBronchiectasis,
    kSeptalThickening,
};

inline constexpr std::size_t kNumSigns = kAbnormalityNames.size();

using SignSet = std::bitset<kNumSigns>;

constexpr std::size_t index_of(Sign sign) {
    return static_cast<std::size_t>(sign);
}

constexpr std::string_view name_of(Sign sign) {
    return kAbnormalityNames[index_of(sign)];
}

inline bool has_sign(SignSet const& signs, Sign sign) {
    return signs[index_of(sign)];
}

}  // namespace ctclip
