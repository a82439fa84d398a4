#include "phantom/scene.hpp"

#include "phantom/anatomy.hpp"
#include "phantom/findings.hpp"
#include "phantom/lung_tree.hpp"

namespace ctclip {
namespace {

using AddFinding = void (*)(Scene&, float severity);

struct FindingPainter {
    Sign sign;
    AddFinding add;
};

/// Under the bronchi and vessels of the lung.
constexpr std::array<FindingPainter, 3> kInParenchyma = {{
    {Sign::kEmphysema, add_emphysema},
    {Sign::kMosaicAttenuation, add_mosaic_attenuation},
    {Sign::kLungOpacity, add_lung_opacity},
}};

constexpr std::array<FindingPainter, 7> kInLung = {{
    {Sign::kSeptalThickening, add_septal_thickening},
    {Sign::kBronchiectasis, add_bronchiectasis},
    {Sign::kFibroticSequela, add_fibrotic_sequela},
    {Sign::kLungNodule, add_lung_nodules},
    {Sign::kConsolidation, add_consolidation},
    {Sign::kAtelectasis, add_atelectasis},
    {Sign::kPleuralEffusion, add_pleural_effusion},
}};

/// After the mediastinum but for the pericardial effusion, which the heart lies in.
constexpr std::array<FindingPainter, 5> kInMediastinum = {{
    {Sign::kLymphadenopathy, add_lymphadenopathy},
    {Sign::kHiatalHernia, add_hiatal_hernia},
    {Sign::kArterialCalcification, add_arterial_calcification},
    {Sign::kCoronaryCalcification, add_coronary_calcification},
    {Sign::kMedicalMaterial, add_medical_material},
}};

template <std::size_t kCount>
void add_present(Scene& scene, std::array<FindingPainter, kCount> const& painters, SignSet const& signs,
                 float severity) {
    for (FindingPainter const& painter : painters) {
        if (has_sign(signs, painter.sign)) {
            painter.add(scene, severity);
        }
    }
}

}  // namespace

Scene make_scene(std::uint64_t study_seed, SignSet const& signs, float severity) {
    float const heart_scale =
        has_sign(signs, Sign::kCardiomegaly) ? enlarged_heart_scale(study_seed, severity) : 1.0F;
    Scene scene(Thorax(study_seed, heart_scale));
    scene.seed = study_seed;
    scene.parenchyma.hu = RandomStream(study_seed, "parenchyma").uniform(-875.0F, -835.0F);

    add_chest_wall(scene);
    add_present(scene, kInParenchyma, signs, severity);
    add_pulmonary_vessels(scene);
    add_bronchi(scene, has_sign(signs, Sign::kPeribronchialThickening)
                           ? thickened_bronchial_wall_mm(study_seed, severity)
                           : 0.0F);
    add_present(scene, kInLung, signs, severity);
    if (has_sign(signs, Sign::kPericardialEffusion)) {
        add_pericardial_effusion(scene, severity);
    }
    add_mediastinum(scene);
    add_present(scene, kInMediastinum, signs, severity);
    return scene;
}

}  // namespace ctclip
