/// The three CSVs of CT-RATE (reports, metadata, labels) joined per study, with the values that the Python
/// reference holds (pandas) and stricter rules.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

/// The 18 labels of CT-RATE in canonical order.
inline constexpr std::array<std::string_view, 18> kAbnormalityNames{"Medical material",
                                                                    "Arterial wall calcification",
                                                                    "Cardiomegaly",
                                                                    "Pericardial effusion",
                                                                    "Coronary artery wall calcification",
                                                                    "Hiatal hernia",
                                                                    "Lymphadenopathy",
                                                                    "Emphysema",
                                                                    "Atelectasis",
                                                                    "Lung nodule",
                                                                    "Lung opacity",
                                                                    "Pulmonary fibrotic sequela",
                                                                    "Pleural effusion",
                                                                    "Mosaic attenuation pattern",
                                                                    "Peribronchial thickening",
                                                                    "Consolidation",
                                                                    "Bronchiectasis",
                                                                    "Interlobular septal thickening"};

/// One reconstruction: what the CSVs say about the volume `study_id`.npz.
struct Study {
    std::string study_id;            ///< VolumeName without ".nii.gz"
    std::string findings;            ///< verbatim; an empty or missing cell is the text "nan", as in Python; empty if
                                     ///< nobody wants the report
    std::string impressions;         ///< same
    double rescale_slope = 1.0;      ///< finite, not 0
    double rescale_intercept = 0.0;  ///< finite
    std::string xy_spacing;  ///< the CSV text, "[0.732, 0.732]"; parse_xy_spacing_mm gives a positive number
    double z_spacing = 1.0;  ///< mm, finite, positive
    std::vector<float> labels;  ///< 0 or 1, in the order of class_names()
};

/// A study that at least one CSV does not know.
struct IncompleteStudy {
    std::string study_id;
    bool has_report = false;
    bool has_metadata = false;
    bool has_labels = false;
};

/// Whose report is kept in memory: reports are most of what the CSVs hold.
using ReportFilter = std::function<bool(std::string const& study_id)>;

class StudyTable {
  public:
    /// Checks every row, whatever is kept.
    /// @throws Error kBadInput (path, line, column; never report text) for anything but well-formed UTF-8 CSV with each
    ///         needed column once, each study once, and values in range; kIoError, kNoPermission.
    static StudyTable load(std::filesystem::path const& reports, std::filesystem::path const& metadata,
                           std::filesystem::path const& labels, ReportFilter const& wants_report = {});

    /// nullptr if a CSV lacks it.
    Study const* find(std::string_view study_id) const;

    /// Those that all three CSVs know, sorted bytewise by study_id.
    std::vector<Study> const& studies() const { return studies_; }
    /// Those that one or two CSVs lack, sorted bytewise; empty when the CSVs agree.
    std::vector<IncompleteStudy> const& incomplete() const { return incomplete_; }
    std::vector<std::string> const& class_names() const { return class_names_; }
    /// Harmless oddities for the log, such as unequal in-plane spacings; studies by id, no report text.
    std::vector<std::string> const& warnings() const { return warnings_; }

  private:
    std::vector<Study> studies_;
    std::vector<IncompleteStudy> incomplete_;
    std::vector<std::string> class_names_;
    std::vector<std::string> warnings_;
};

}  // namespace ctclip
