#include "phantom/report_phrases.hpp"

#include <fmt/format.h>

#include <cctype>

namespace ctclip {
namespace {

constexpr std::array<SignPhrases, kNumSigns> kPhrases = {{
    {"medical material",
     "medical material",
     {"A device with leads or tubing of metallic density is seen, medical material.",
      "Medical material of high density with its course in the chest wall and mediastinum was observed.",
      "Hyperdense medical material is seen."},
     {"No medical material was observed.", "No catheter, lead or other medical material is seen."}},
    {"arterial wall calcification",
     "arterial wall calcification",
     {"Calcified atheroma plaques are present in the aortic arch and descending aorta, arterial wall "
      "calcification.",
      "There is arterial wall calcification along the thoracic aorta.",
      "Arterial wall calcification is observed in the aorta."},
     {"No arterial wall calcification was detected.",
      "The aortic wall is smooth without arterial wall calcification."}},
    {"cardiomegaly",
     "cardiomegaly",
     {"The heart is enlarged, consistent with cardiomegaly.", "Heart size has increased, cardiomegaly.",
      "The cardiothoracic ratio is increased in favor of the heart, indicating cardiomegaly."},
     {"Heart size is normal, there is no cardiomegaly.", "No cardiomegaly was observed."}},
    {"pericardial effusion",
     "pericardial effusion",
     {"Fluid surrounds the heart, consistent with pericardial effusion.",
      "A pericardial effusion that measures more than 1 cm at its deepest point is observed.",
      "Pericardial effusion is observed around the heart."},
     {"Pericardial effusion was not detected.",
      "There is no pericardial effusion or pericardial thickening."}},
    {"coronary artery wall calcification",
     "coronary artery wall calcification",
     {"Calcified plaques are present along the coronary arteries, coronary artery wall calcification.",
      "There is coronary artery wall calcification, most prominent in the left anterior descending artery.",
      "Coronary artery wall calcification is observed."},
     {"No coronary artery wall calcification was detected.",
      "The coronary arteries are free of coronary artery wall calcification."}},
    {"hiatal hernia",
     "a hiatal hernia",
     {"Part of the stomach lies behind the heart, consistent with a hiatal hernia.",
      "A sliding type hiatal hernia is observed at the lower end of the esophagus.",
      "There is a hiatal hernia that contains air."},
     {"No hiatal hernia was detected.", "The esophagus is within normal limits, there is no hiatal hernia."}},
    {"lymphadenopathy",
     "lymphadenopathy",
     {"Enlarged lymph nodes are seen in the mediastinum and both hila, lymphadenopathy.",
      "There is mediastinal and axillary lymphadenopathy with short axes above 1 cm.",
      "Mediastinal lymphadenopathy is observed."},
     {"No lymphadenopathy in pathological size and appearance was detected.",
      "There is no mediastinal, hilar or axillary lymphadenopathy."}},
    {"emphysema",
     "emphysema",
     {"Areas of low density without walls are seen in the upper lobes, consistent with emphysema.",
      "There is centriacinar emphysema with bullae in both lungs.", "Emphysema is observed in both lungs."},
     {"No emphysema was observed.", "Lung density is normal without emphysema."}},
    {"atelectasis",
     "atelectasis",
     {"A dense band is seen in the lower lobe, consistent with atelectasis.",
      "There is plate-like atelectasis at the lung base.",
      "Linear atelectasis is observed in the lower zones."},
     {"No atelectasis was detected.", "There is no band or segment of atelectasis."}},
    {"lung nodule",
     "a lung nodule",
     {"A round solid lesion of soft tissue density is seen in the parenchyma, a lung nodule.",
      "A solid lung nodule larger than 1 cm is observed.", "There is a well-defined lung nodule."},
     {"No lung nodule was detected in either lung.", "There is no suspicious lung nodule."}},
    {"lung opacity",
     "lung opacity",
     {"Patchy areas of ground glass density are seen in both lungs, lung opacity.",
      "There is ill-defined lung opacity through which the vessels remain visible.",
      "Ground glass lung opacity is observed."},
     {"No lung opacity was detected.", "There is no ground glass or other lung opacity."}},
    {"pulmonary fibrotic sequela",
     "pulmonary fibrotic sequela",
     {"Strands with pleural thickening are seen in both apices, pulmonary fibrotic sequela.",
      "There is pulmonary fibrotic sequela in the apical segments of both upper lobes.",
      "Apical pulmonary fibrotic sequela is observed."},
     {"No pulmonary fibrotic sequela was detected.",
      "The apices are clear without pulmonary fibrotic sequela."}},
    {"pleural effusion",
     "a pleural effusion",
     {"Free fluid layers behind the lung, consistent with pleural effusion.",
      "There is a pleural effusion in the dependent part of the chest.",
      "A crescent of fluid density at the lung base indicates pleural effusion."},
     {"Pleural effusion was not detected.", "There is no pleural effusion on either side."}},
    {"mosaic attenuation pattern",
     "a mosaic attenuation pattern",
     {"The lungs show a patchwork of darker and brighter lobules, a mosaic attenuation pattern.",
      "There is a mosaic attenuation pattern in both lungs.",
      "A mosaic attenuation pattern is observed, which may reflect small airway disease."},
     {"No mosaic attenuation pattern was observed.",
      "Lung attenuation is uniform without mosaic attenuation pattern."}},
    {"peribronchial thickening",
     "peribronchial thickening",
     {"The walls of the central bronchi are thick, consistent with peribronchial thickening.",
      "There is peribronchial thickening in both lungs.",
      "Peribronchial thickening is observed around both hila."},
     {"No peribronchial thickening was detected.",
      "The bronchial walls are thin without peribronchial thickening."}},
    {"consolidation",
     "a consolidation",
     {"A dense area with air bronchograms is seen, consistent with consolidation.",
      "There is a consolidation that obscures the vessels.",
      "Consolidation with air bronchograms is observed."},
     {"No consolidation was detected.", "There is no area of consolidation in either lung."}},
    {"bronchiectasis",
     "bronchiectasis",
     {"Dilated bronchi with thick walls are seen in the lower zones, bronchiectasis.",
      "There is cylindrical bronchiectasis, wider than the accompanying vessels.",
      "Bronchiectasis is observed in the lower lobes."},
     {"No bronchiectasis was detected.", "The bronchi are of normal width, there is no bronchiectasis."}},
    {"interlobular septal thickening",
     "interlobular septal thickening",
     {"A network of fine lines outlines the lobules, consistent with interlobular septal thickening.",
      "There is interlobular septal thickening, most marked at the lung bases.",
      "Smooth interlobular septal thickening is observed."},
     {"No interlobular septal thickening was detected.",
      "The septa are thin without interlobular septal thickening."}},
}};

constexpr std::array<std::string_view, 3> kPlainPresence = {"there is {some}.", "{noun} is seen.",
                                                            "{noun} is present."};
constexpr std::array<std::string_view, 3> kPlainAbsence = {"there is no {noun}.", "no {noun} is seen.",
                                                           "{noun} is not present."};

constexpr std::array<std::string_view, 9> kNormalOrgans = {
    "Trachea and both main bronchi are open.",
    "Mediastinal vascular structures are evaluated suboptimally since no contrast material was given.",
    "The diameter of the thoracic aorta is normal.",
    "The diameters of the pulmonary arteries are within normal limits.",
    "Both lungs are ventilated symmetrically.",
    "Upper abdominal organs included in the sections are normal.",
    "No space-occupying lesion was detected in the liver that entered the sections.",
    "Vertebral corpus heights are preserved.",
    "No lytic or destructive lesion was detected in the bone structures.",
};

constexpr std::array<std::string_view, 3> kNothingFound = {"Findings within normal limits.",
                                                           "No significant abnormality.", "Normal chest CT."};

}  // namespace

SignPhrases const& phrases_of(Sign sign) {
    return kPhrases[index_of(sign)];
}

std::span<std::string_view const> plain_presence_templates() {
    return kPlainPresence;
}

std::span<std::string_view const> plain_absence_templates() {
    return kPlainAbsence;
}

std::string fill_template(std::string_view sentence, SignPhrases const& phrases) {
    std::string filled =
        fmt::format(fmt::runtime(sentence), fmt::arg("noun", phrases.noun), fmt::arg("some", phrases.some));
    filled[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(filled[0])));
    return filled;
}

std::span<std::string_view const> normal_organ_sentences() {
    return kNormalOrgans;
}

std::span<std::string_view const> nothing_found_sentences() {
    return kNothingFound;
}

}  // namespace ctclip
