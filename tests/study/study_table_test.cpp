#include "study/study_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "study/spacing.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

std::filesystem::path const kData = std::filesystem::path(CTCLIP_TEST_DATA) / "study";

StudyTable load(std::filesystem::path const& folder, ReportFilter const& wants_report = {}) {
    return StudyTable::load(folder / "reports.csv", folder / "metadata.csv", folder / "labels.csv", wants_report);
}

nlohmann::json const* row_of(nlohmann::json const& rows, std::string const& study_id) {
    for (nlohmann::json const& row : rows) {
        if (row.at("study_id") == study_id) {
            return &row;
        }
    }
    return nullptr;
}

/// Every study of the table equals what the Python reference holds for it.
void expect_equal(StudyTable const& table, nlohmann::json const& python) {
    for (Study const& study : table.studies()) {
        SCOPED_TRACE(study.study_id);
        nlohmann::json const& report = python.at("reports").at(study.study_id);
        EXPECT_EQ(study.findings, report.at("findings"));
        EXPECT_EQ(study.impressions, report.at("impressions"));
        nlohmann::json const* const row = row_of(python.at("metadata"), study.study_id);
        ASSERT_NE(row, nullptr);
        EXPECT_EQ(study.rescale_slope, row->at("RescaleSlope"));
        EXPECT_EQ(study.rescale_intercept, row->at("RescaleIntercept"));
        EXPECT_EQ(study.xy_spacing, row->at("XYSpacing"));
        EXPECT_EQ(study.z_spacing, row->at("ZSpacing"));
        EXPECT_EQ(study.labels, python.at("labels").at(study.study_id).get<std::vector<float>>());
    }
}

/// How many studies all three of the reference's tables know.
std::size_t num_complete(nlohmann::json const& python) {
    std::size_t count = 0;
    for (auto const& [study_id, report] : python.at("reports").items()) {
        bool const has_labels = python.at("labels").contains(study_id);
        count += has_labels && row_of(python.at("metadata"), study_id) != nullptr ? 1 : 0;
    }
    return count;
}

std::string const kLabelHeader =
    "VolumeName,Medical material,Arterial wall calcification,Cardiomegaly,Pericardial effusion,Coronary "
    "artery wall "
    "calcification,Hiatal hernia,Lymphadenopathy,Emphysema,Atelectasis,Lung nodule,Lung opacity,Pulmonary "
    "fibrotic "
    "sequela,Pleural effusion,Mosaic attenuation pattern,Peribronchial "
    "thickening,Consolidation,Bronchiectasis,"
    "Interlobular septal thickening\n";

/// One study in three files, of which a test replaces what it is about.
struct Trio {
    std::string reports = "VolumeName,Findings_EN,Impressions_EN\na.nii.gz,clear lungs,normal\n";
    std::string metadata =
        "VolumeName,RescaleSlope,RescaleIntercept,XYSpacing,ZSpacing\na.nii.gz,1,-1024,\"[0.7, 0.7]\",1.5\n";
    std::string labels = kLabelHeader + "a.nii.gz,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1\n";

    StudyTable load(ReportFilter const& wants_report = {}) const {
        TempDir const folder;
        std::ofstream(folder / "reports.csv", std::ios::binary) << reports;
        std::ofstream(folder / "metadata.csv", std::ios::binary) << metadata;
        std::ofstream(folder / "labels.csv", std::ios::binary) << labels;
        return ctclip::load(folder.path(), wants_report);
    }
};

}  // namespace

TEST(StudyTable, TreatsEveryGoldenTrioAsItsEntrySays) {
    nlohmann::json const entries = nlohmann::json::parse(read_text_file(kData / "csv" / "expected.json"));
    ASSERT_EQ(entries.size(), 51);
    for (nlohmann::json const& entry : entries) {
        std::string const folder = entry.at("folder");
        std::string const expect = entry.at("expect");
        SCOPED_TRACE(folder);
        std::optional<StudyTable> table;
        try {
            table = load(kData / folder);
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::kBadInput);
            EXPECT_THAT(error.what(), HasSubstr(".csv: "));
            EXPECT_THAT(expect, testing::AnyOf("refuse", "either")) << error.what();
        }
        if (table) {
            EXPECT_NE(expect, "refuse");
            EXPECT_EQ(table->studies().size(), num_complete(entry.at("python")));
            expect_equal(*table, entry.at("python"));
        }
    }
}

TEST(StudyTable, SaysWhichStudiesLackWhat) {
    StudyTable const table = load(kData / "csv" / "missing_rows");
    std::vector<std::string> lacking;
    for (IncompleteStudy const& study : table.incomplete()) {
        lacking.push_back(study.study_id + (study.has_report ? "" : " report") +
                          (study.has_metadata ? "" : " metadata") + (study.has_labels ? "" : " labels"));
    }
    EXPECT_THAT(lacking, ElementsAre("train_1_a_1 metadata", "train_3_a_1 labels", "train_4_a_2 report",
                                     "train_5_a_1 report", "train_6_a_2 report"));
    EXPECT_EQ(table.find("train_1_a_1"), nullptr);
    ASSERT_NE(table.find("train_2_a_2"), nullptr);
    EXPECT_EQ(table.find("train_2_a_2")->study_id, "train_2_a_2");
}

TEST(StudyTable, KeepsOnlyTheReportsThatAreWantedButChecksAll) {
    Trio trio;
    trio.reports += "b.nii.gz,opacities,pneumonia\n";
    trio.metadata += "b.nii.gz,1,-1024,\"[0.7, 0.7]\",1.5\n";
    trio.labels += "b.nii.gz,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1\n";
    auto const wants_b = [](std::string const& study_id) { return study_id == "b"; };
    StudyTable const table = trio.load(wants_b);
    ASSERT_EQ(table.studies().size(), 2U);
    EXPECT_EQ(table.find("a")->findings + table.find("a")->impressions, "");
    EXPECT_EQ(table.find("b")->findings, "opacities");
    EXPECT_EQ(table.find("b")->impressions, "pneumonia");
    trio.reports += "a.nii.gz,twice,twice\n";
    EXPECT_THAT([&] { trio.load(wants_b); }, ThrowsMessage<Error>(HasSubstr("already given in line 2")));
}

TEST(StudyTable, SortsStudiesBytewise) {
    Trio trio;
    trio.reports += "train_100.nii.gz,x,y\ntrain_10_a.nii.gz,x,y\ntrain_1_a.nii.gz,x,y\n";
    StudyTable const table = trio.load();
    EXPECT_EQ(table.class_names().size(), 18);
    std::vector<std::string> ids;
    for (IncompleteStudy const& study : table.incomplete()) {
        ids.push_back(study.study_id);
    }
    EXPECT_THAT(ids, ElementsAre("train_100", "train_10_a", "train_1_a"));
}

TEST(StudyTable, NamesFileLineAndColumnButNeverReportText) {
    Trio duplicate;
    duplicate.reports += "\"b.nii.gz\",\"secret\nfinding\",x\na,secret,y\n";
    EXPECT_THAT([&] { duplicate.load(); },
                ThrowsMessage<Error>(AllOf(HasSubstr("reports.csv: line 5, column 'VolumeName'"),
                                           HasSubstr("study a was already given in line 2"),
                                           Not(HasSubstr("secret")))));
    Trio ragged;
    ragged.reports += "b.nii.gz,secret\n";
    EXPECT_THAT([&] { ragged.load(); },
                ThrowsMessage<Error>(
                    AllOf(HasSubstr("line 3, 2 cells, the header has 3"), Not(HasSubstr("secret")))));
    Trio bad_slope;
    bad_slope.metadata += "b.nii.gz,one,0,0.7,1\n";
    EXPECT_THAT([&] { bad_slope.load(); },
                ThrowsMessage<Error>(HasSubstr(
                    "line 3, column 'RescaleSlope': a text of 3 characters is not a finite number other than 0")));
    Trio bad_label;
    bad_label.labels += "b.nii.gz,0,0,0,0,0,0,0,0,0,0,2,0,0,0,0,0,0,1\n";
    EXPECT_THAT(
        [&] { bad_label.load(); },
        ThrowsMessage<Error>(HasSubstr("line 3, column 'Lung opacity': '2' is not a label (0 or 1)")));
    Trio no_column;
    no_column.metadata = "VolumeName,RescaleSlope,Rescaleintercept,XYSpacing,ZSpacing\n";
    EXPECT_THAT([&] { no_column.load(); },
                ThrowsMessage<Error>(
                    HasSubstr("no column 'RescaleIntercept' among the 5 of its first line, which must name them")));
    // Without a header, the first line is a patient's.
    Trio no_header;
    no_header.reports = "a.nii.gz,secret finding,secret impression\n";
    EXPECT_THAT([&] { no_header.load(); }, ThrowsMessage<Error>(Not(HasSubstr("secret"))));
    Trio shifted;
    shifted.metadata += "b.nii.gz,1,0,0.7,a secret finding\n";
    EXPECT_THAT([&] { shifted.load(); }, ThrowsMessage<Error>(Not(HasSubstr("secret"))));
    Trio not_utf8;
    not_utf8.reports += "b.nii.gz,\xFC,x\n";
    EXPECT_THAT([&] { not_utf8.load(); }, ThrowsMessage<Error>(HasSubstr("byte 75 is not UTF-8")));
}

TEST(StudyTable, WarnsOfUnequalSpacingsAndUsesTheFirst) {
    StudyTable const table = load(kData / "csv" / "meta_xy_unequal");
    EXPECT_THAT(table.warnings(), ElementsAre(HasSubstr("1 studies have two different in-plane spacings")));
    EXPECT_THAT(load(kData / "csv" / "plain").warnings(), IsEmpty());
}

TEST(Spacing, ReadsWhatTheReferenceReads) {
    nlohmann::json const entries = nlohmann::json::parse(read_text_file(kData / "spacing_parse.json"));
    for (nlohmann::json const& entry : entries) {
        std::string const text = entry.at("text");
        std::string const expected = entry.at("fork");
        std::optional<double> const spacing = parse_xy_spacing_mm(text);
        if (expected.starts_with("error")) {
            EXPECT_EQ(spacing, std::nullopt) << text;
        } else if (expected == "nan") {
            EXPECT_TRUE(spacing && std::isnan(*spacing)) << text;
        } else {
            EXPECT_EQ(spacing,
                      expected == "inf" ? std::numeric_limits<double>::infinity() : std::stod(expected))
                << text;
        }
    }
}

TEST(Spacing, NumbersAreThoseOfPython) {
    EXPECT_EQ(parse_python_float("0.30000000000000004"), 0.30000000000000004);
    EXPECT_EQ(parse_python_float("1e400"), std::numeric_limits<double>::infinity());
    EXPECT_EQ(parse_python_float("1e-400"), 0.0);
    EXPECT_EQ(parse_python_float(" +1_000.5e-1\t"), 100.05);
    EXPECT_EQ(parse_python_float("-iNFiNiTY"), -std::numeric_limits<double>::infinity());
    for (std::string const text :
         {"", " ", "1__0", "_1", "1_", "1e", "e5", ".", "+", "0x10", "1,5", "1.5f", "nan(1)", "infinit"}) {
        EXPECT_EQ(parse_python_float(text), std::nullopt) << text;
    }
}

}  // namespace ctclip
