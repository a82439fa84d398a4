#include "study/study_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "study/csv_reader.hpp"
#include "study/spacing.hpp"

namespace ctclip {

namespace {

/// The spellings of "no value" that pandas.read_csv turns into NaN, quoted or not.
constexpr std::array<std::string_view, 19> kMissing{
    "",     "#N/A", "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A",  "NA",       "NULL", "NaN",     "None",     "n/a",  "nan",  "null"};

bool is_missing(std::string_view cell) {
    return std::find(kMissing.begin(), kMissing.end(), cell) != kMissing.end();
}

struct Report {
    std::string findings;
    std::string impressions;
};

struct Metadata {
    double rescale_slope;
    double rescale_intercept;
    std::string xy_spacing;
    double z_spacing;
};

using Labels = std::vector<float>;

/// Rows of one CSV by study id, each id once.
template <class Row>
class RowsById {
  public:
    /// @param read_row  makes a Row of the reader's current row, given its study id.
    template <class ReadRow>
    RowsById(CsvReader& reader, ReadRow read_row) {
        std::size_t const id_column = reader.column("VolumeName");
        while (reader.next()) {
            std::string const id = study_id_of(reader, id_column);
            auto const [entry, is_new] = rows_.try_emplace(id, Entry{reader.line(), read_row(id)});
            if (!is_new) {
                reader.refuse(id_column,
                              fmt::format("study {} was already given in line {}; each needs exactly one row",
                                          printable(id), entry->second.line));
            }
        }
        require(!rows_.empty(), ExitCode::kBadInput, "{}: no rows behind the header", reader.path().string());
    }

    Row* find(std::string const& id) {
        auto const found = rows_.find(id);
        return found == rows_.end() ? nullptr : &found->second.row;
    }
    template <class Visitor>
    void for_each_id(Visitor visit) const {
        for (auto const& [id, entry] : rows_) {
            visit(id);
        }
    }

  private:
    struct Entry {
        std::size_t line;
        Row row;
    };

    static std::string study_id_of(CsvReader const& reader, std::size_t column) {
        constexpr std::string_view kSuffix = ".nii.gz";
        std::string id = reader.cells()[column];
        if (is_missing(id)) {
            reader.refuse(column, "no name");
        }
        for (std::size_t at = id.find(kSuffix); at != std::string::npos; at = id.find(kSuffix, at)) {
            id.erase(at, kSuffix.size());
        }
        return id;
    }

    std::map<std::string, Entry> rows_;
};

RowsById<Report> read_reports(std::filesystem::path const& path, ReportFilter const& wants_report) {
    CsvReader reader(path);
    std::size_t const findings = reader.column("Findings_EN");
    std::size_t const impressions = reader.column("Impressions_EN");
    auto const text = [&](std::size_t column) {
        std::string const& cell = reader.cells()[column];
        return is_missing(cell) ? "nan" : cell;
    };
    return {reader, [&](std::string const& id) {
                bool const is_wanted = !wants_report || wants_report(id);
                return is_wanted ? Report{text(findings), text(impressions)} : Report{};
            }};
}

/// A cell that ought to hold numbers, for messages. Anything else may be a patient's report in the wrong column.
std::string quoted_numbers(std::string const& cell) {
    bool const could_be =
        cell.size() <= 64 && cell.find_first_not_of("0123456789+-.,eE[]() naifNIF") == std::string::npos;
    return could_be ? fmt::format("'{}'", cell) : fmt::format("a text of {} characters", cell.size());
}

/// The cell as a finite number; `is_valid` and `what` say which ones make sense.
template <class IsValid>
double read_number(CsvReader const& reader, std::size_t column, IsValid is_valid, std::string_view what) {
    std::string const& cell = reader.cells()[column];
    std::optional<double> const number = parse_python_float(cell);
    if (!number || !std::isfinite(*number) || !is_valid(*number)) {
        reader.refuse(column, fmt::format("{} is not {}", quoted_numbers(cell), what));
    }
    return *number;
}

/// True if the text gives two in-plane spacings that differ: the loader uses the first for both axes.
bool is_anisotropic(std::string_view xy_text) {
    std::size_t const comma = xy_text.find(',');
    if (comma == std::string_view::npos) {
        return false;
    }
    std::optional<double> const second = parse_xy_spacing_mm(xy_text.substr(comma + 1));
    return second && *second != parse_xy_spacing_mm(xy_text);
}

RowsById<Metadata> read_metadata(std::filesystem::path const& path, std::vector<std::string>& warnings) {
    CsvReader reader(path);
    std::size_t const slope = reader.column("RescaleSlope");
    std::size_t const intercept = reader.column("RescaleIntercept");
    std::size_t const xy_spacing = reader.column("XYSpacing");
    std::size_t const z_spacing = reader.column("ZSpacing");
    std::size_t num_anisotropic = 0;
    RowsById<Metadata> rows(reader, [&](std::string const&) {
        std::string const& xy_text = reader.cells()[xy_spacing];
        std::optional<double> const xy = parse_xy_spacing_mm(xy_text);
        if (!xy || !std::isfinite(*xy) || *xy <= 0.0) {
            reader.refuse(xy_spacing,
                          fmt::format("{} does not start with a spacing in mm, such as [0.75, 0.75]",
                                      quoted_numbers(xy_text)));
        }
        num_anisotropic += is_anisotropic(xy_text) ? 1 : 0;
        return Metadata{
            read_number(
                reader, slope, [](double value) { return value != 0.0; }, "a finite number other than 0"),
            read_number(
                reader, intercept, [](double) { return true; }, "a finite number"),
            xy_text,
            read_number(
                reader, z_spacing, [](double value) { return value > 0.0; }, "a positive spacing in mm")};
    });
    if (num_anisotropic > 0) {
        warnings.push_back(
            fmt::format("{}: {} studies have two different in-plane spacings; the first counts",
                        path.string(), num_anisotropic));
    }
    return rows;
}

/// The columns of the labels, which must be the 18 in canonical order: readers of shards know them by
/// position.
std::vector<std::size_t> label_columns(CsvReader const& reader) {
    std::size_t const name_column = reader.column("VolumeName");
    std::vector<std::size_t> columns;
    for (std::size_t column = 0; column < reader.header().size(); ++column) {
        if (column != name_column && reader.header()[column] != "study_id") {
            columns.push_back(column);
        }
    }
    require(columns.size() == kAbnormalityNames.size(), ExitCode::kBadInput,
            "{}: {} label columns, expected {} beside VolumeName", reader.path().string(), columns.size(),
            kAbnormalityNames.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        std::string const& name = reader.header()[columns[i]];
        require(name == kAbnormalityNames[i], ExitCode::kBadInput,
                "{}: label column {} is '{}', expected '{}' (the order of CT-RATE; labels go into shards by "
                "position)",
                reader.path().string(), i + 1, printable(name), kAbnormalityNames[i]);
    }
    return columns;
}

RowsById<Labels> read_labels(std::filesystem::path const& path) {
    CsvReader reader(path);
    std::vector<std::size_t> const columns = label_columns(reader);
    return {reader, [&](std::string const&) {
                Labels labels;
                for (std::size_t const column : columns) {
                    auto const is_label = [](double value) { return value == 0.0 || value == 1.0; };
                    labels.push_back(
                        static_cast<float>(read_number(reader, column, is_label, "a label (0 or 1)")));
                }
                return labels;
            }};
}

}  // namespace

StudyTable StudyTable::load(std::filesystem::path const& reports, std::filesystem::path const& metadata,
                            std::filesystem::path const& labels, ReportFilter const& wants_report) {
    StudyTable table;
    RowsById<Report> report_rows = read_reports(reports, wants_report);
    RowsById<Metadata> metadata_rows = read_metadata(metadata, table.warnings_);
    RowsById<Labels> label_rows = read_labels(labels);

    std::set<std::string> ids;
    auto const insert = [&](std::string const& id) { ids.insert(id); };
    report_rows.for_each_id(insert);
    metadata_rows.for_each_id(insert);
    label_rows.for_each_id(insert);
    for (std::string const& id : ids) {
        Report* const report = report_rows.find(id);
        Metadata* const data = metadata_rows.find(id);
        Labels* const values = label_rows.find(id);
        if (report == nullptr || data == nullptr || values == nullptr) {
            table.incomplete_.push_back({id, report != nullptr, data != nullptr, values != nullptr});
            continue;
        }
        table.studies_.push_back({id, std::move(report->findings), std::move(report->impressions),
                                  data->rescale_slope, data->rescale_intercept, std::move(data->xy_spacing),
                                  data->z_spacing, std::move(*values)});
    }
    table.class_names_.assign(kAbnormalityNames.begin(), kAbnormalityNames.end());
    return table;
}

Study const* StudyTable::find(std::string_view study_id) const {
    auto const found =
        std::lower_bound(studies_.begin(), studies_.end(), study_id,
                         [](Study const& study, std::string_view id) { return study.study_id < id; });
    return found != studies_.end() && found->study_id == study_id ? &*found : nullptr;
}

}  // namespace ctclip
