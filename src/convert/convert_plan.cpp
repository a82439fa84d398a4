#include "convert/convert_plan.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/untrusted_json.hpp"
#include "convert/volume_scan.hpp"

namespace ctclip {
namespace {

using json = nlohmann::json;
using nlohmann::ordered_json;

constexpr char const* kSchema = "ctclip.convert_plan/1";
constexpr char const* kOutOfRange = "convert.out_of_range";
constexpr char const* kSamplesPerShard = "convert.samples_per_shard";

std::string absolute_path(std::filesystem::path const& path) {
    std::error_code error;
    std::filesystem::path const canonical = std::filesystem::weakly_canonical(path, error);
    return error ? path.string() : canonical.string();
}

std::string file_digest(std::filesystem::path const& path) {
    return sha256_hex(read_file(path));
}

ordered_json encode_settings(ConvertPlan::Settings const& settings) {
    ordered_json object = ordered_json::object();
    for (auto const& [name, value] : settings) {
        object[name] = value;
    }
    return object;
}

ConvertPlan::Settings parse_settings(json const& object) {
    ConvertPlan::Settings settings;
    for (auto const& [name, value] : object.items()) {
        settings.emplace_back(name, value.get<std::string>());
    }
    std::ranges::sort(settings);
    return settings;
}

/// "name: the plan has A, this run B" for each difference.
std::string differences(ConvertPlan::Settings const& planned, ConvertPlan::Settings const& given) {
    std::string text;
    for (auto const& [name, value] : given) {
        auto const found = std::ranges::find(planned, name, &std::pair<std::string, std::string>::first);
        std::string const before = found == planned.end() ? "nothing" : found->second;
        // What `reject` has finished holds nothing that `quarantine` would have left out.
        bool const may_change = name == kOutOfRange && before == name_of(OutOfRangePolicy::kReject) &&
                                value == name_of(OutOfRangePolicy::kQuarantine);
        if (before != value && !may_change) {
            text += fmt::format("\n  {}: the plan has {}, this run {}", name, before, value);
        }
    }
    return text;
}

void require_same(ConvertPlan::Settings const& planned, ConvertPlan::Settings const& given,
                  std::filesystem::path const& plan_path) {
    std::string const text = differences(planned, given);
    require(text.empty(), ExitCode::kBadConfig,
            "{} was made with other settings (its shards would not fit to new ones):{}\nUse the plan's "
            "settings, or "
            "another output folder",
            plan_path.string(), text);
}

std::string list_start(std::vector<std::string> const& names) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i) {
        text += (i > 0 ? ", " : "") + names[i];
    }
    return names.size() > 3 ? text + ", ..." : text;
}

/// Says what is no volume; a study that is listed in the CSVs and has nothing else must not just be missing.
void tell_passed_over(VolumeScan const& scan, StudyTable const& studies, std::filesystem::path const& folder) {
    std::vector<PassedOver> lost;
    std::ranges::copy_if(scan.passed_over, std::back_inserter(lost), [&](PassedOver const& it) {
        return studies.find(it.study_id) != nullptr &&
               !std::ranges::binary_search(scan.volumes, it.study_id, {}, &FoundVolume::study_id);
    });
    require(lost.empty(), ExitCode::kBadInput,
            "{}: {} studies of the CSVs have something there that is no file: {}. They would be missing from all that "
            "follows. Mount or repair what the links lead to, or remove these entries to go on without them",
            folder.string(), lost.size(), list_start(lost));
    if (!scan.passed_over.empty()) {
        log_warning("{}: {} entries are passed over, because they are no files: {}", folder.string(),
                    scan.passed_over.size(), list_start(scan.passed_over));
    }
}

}  // namespace

ConvertPlan::Settings ConvertPlan::settings_of(ConvertOptions const& options) {
    Settings settings{{"convert.volumes", absolute_path(options.volumes)},
                      {"convert.npz_key", options.npz_key},
                      {kSamplesPerShard, fmt::format("{}", options.samples_per_shard)},
                      {"convert.layout", std::string(name_of(options.layout))},
                      {"convert.rescale", std::string(name_of(options.rescale))},
                      {kOutOfRange, std::string(name_of(options.out_of_range))}};
    std::ranges::sort(settings);
    return settings;
}

ConvertPlan::Settings ConvertPlan::csv_digests(ConvertOptions const& options) {
    return {{"convert.labels (SHA-256 of its content)", file_digest(options.labels)},
            {"convert.metadata (SHA-256 of its content)", file_digest(options.metadata)},
            {"convert.reports (SHA-256 of its content)", file_digest(options.reports)}};
}

ConvertPlan ConvertPlan::make(ConvertOptions const& options, StudyTable const& studies) {
    ConvertPlan plan;
    plan.settings_ = settings_of(options);
    plan.csv_digests_ = csv_digests(options);
    plan.samples_per_shard_ = static_cast<std::size_t>(options.samples_per_shard);
    VolumeScan const scan = scan_volumes(options.volumes);
    tell_passed_over(scan, studies, options.volumes);
    std::unordered_set<std::string> with_volume;
    for (FoundVolume const& volume : scan.volumes) {
        if (studies.find(volume.study_id) == nullptr) {
            plan.unmatched_volumes_.push_back(volume.path);
            continue;
        }
        with_volume.insert(volume.study_id);
        plan.studies_.push_back({volume.study_id, volume.path, volume.size_bytes});
    }
    for (Study const& study : studies.studies()) {
        if (!with_volume.contains(study.study_id)) {
            plan.studies_without_volume_.push_back(study.study_id);
        }
    }
    std::size_t const num_unmatched = plan.unmatched_volumes_.size();
    require(!plan.studies_.empty(), ExitCode::kBadInput,
            "{}: none of the {} volumes has rows in all three CSVs ({} studies there); nothing would be "
            "converted. "
            "File names without .npz (or .nii, .nii.gz) must be the VolumeName without .nii.gz",
            options.volumes.string(), num_unmatched, studies.studies().size());
    plan.require_few_mismatches(options);
    return plan;
}

void ConvertPlan::require_few_mismatches(ConvertOptions const& options) const {
    auto const require_few = [&](std::vector<std::string> const& names, std::optional<std::int64_t> const& accepted,
                                 char const* what, char const* key) {
        require(!accepted || names.size() <= static_cast<std::size_t>(*accepted), ExitCode::kBadInput,
                "{}: {} {}, at most {} are accepted ({}): {}", options.volumes.string(), names.size(), what,
                accepted.value_or(0), key, list_start(names));
    };
    require_few(unmatched_volumes_, options.max_unmatched, "volumes have no rows in the CSVs", "convert.max_unmatched");
    require_few(studies_without_volume_, options.max_missing, "studies of the CSVs have no volume",
                "convert.max_missing");
}

std::string ConvertPlan::encode() const {
    ordered_json studies = ordered_json::array();
    for (PlannedStudy const& study : studies_) {
        studies.push_back(
            {{"study_id", study.study_id}, {"source", study.source_path}, {"size", study.source_size_bytes}});
    }
    ordered_json const object = {{"schema", kSchema},
                                 {"settings", encode_settings(settings_)},
                                 {"csv_digests", encode_settings(csv_digests_)},
                                 {"studies", std::move(studies)},
                                 {"unmatched_volumes", unmatched_volumes_},
                                 {"studies_without_volume", studies_without_volume_}};
    return object.dump(1) + "\n";
}

ConvertPlan ConvertPlan::parse(std::string const& text, std::string const& where) {
    json const object = parse_untrusted_json(text, where);
    ConvertPlan plan;
    try {
        require(object.at("schema") == kSchema, ExitCode::kBadInput, "{}: its schema is not {}", where,
                kSchema);
        plan.settings_ = parse_settings(object.at("settings"));
        plan.csv_digests_ = parse_settings(object.at("csv_digests"));
        object.at("unmatched_volumes").get_to(plan.unmatched_volumes_);
        object.at("studies_without_volume").get_to(plan.studies_without_volume_);
        plan.samples_per_shard_ = std::stoul(object.at("settings").at(kSamplesPerShard).get<std::string>());
        for (json const& study : object.at("studies")) {
            plan.studies_.push_back({study.at("study_id"), study.at("source"), study.at("size")});
        }
    } catch (std::logic_error const&) {
        fail(ExitCode::kBadInput, "{} is no conversion plan", where);
    } catch (json::exception const& error) {
        fail(ExitCode::kBadInput, "{} is no conversion plan ({})", where, error.what());
    }
    require(plan.samples_per_shard_ > 0 && !plan.studies_.empty(), ExitCode::kBadInput, "{} plans nothing",
            where);
    return plan;
}

std::string ConvertPlan::sha256() const {
    return sha256_hex(encode());
}

void ConvertPlan::require_same_settings(Settings const& settings,
                                        std::filesystem::path const& plan_path) const {
    require_same(settings_, settings, plan_path);
}

void ConvertPlan::require_same_csvs(Settings const& digests, std::filesystem::path const& plan_path) const {
    require_same(csv_digests_, digests, plan_path);
}

std::vector<PlannedShard> ConvertPlan::shards() const {
    std::vector<PlannedShard> shards;
    for (std::size_t first = 0; first < studies_.size(); first += samples_per_shard_) {
        shards.push_back({shards.size(), first, std::min(samples_per_shard_, studies_.size() - first)});
    }
    return shards;
}

std::vector<PlannedShard> ConvertPlan::shards_of_rank(int rank, int world_size) const {
    std::vector<std::pair<std::uint64_t, PlannedShard>> by_size;
    for (PlannedShard const& shard : shards()) {
        std::uint64_t num_bytes = 0;
        for (PlannedStudy const& study : studies_of(shard)) {
            num_bytes += study.source_size_bytes;
        }
        by_size.emplace_back(num_bytes, shard);
    }
    std::ranges::stable_sort(by_size, std::ranges::greater{}, &std::pair<std::uint64_t, PlannedShard>::first);

    std::vector<std::uint64_t> load_bytes(static_cast<std::size_t>(world_size));
    std::vector<PlannedShard> mine;
    for (auto const& [num_bytes, shard] : by_size) {
        auto const least = std::ranges::min_element(load_bytes);
        *least += num_bytes;
        if (least - load_bytes.begin() == rank) {
            mine.push_back(shard);
        }
    }
    std::ranges::sort(mine, {}, &PlannedShard::shard_index);
    return mine;
}

}  // namespace ctclip
