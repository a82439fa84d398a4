// ctclip-phantom: writes a made-up study set, NPZ volumes and the three CSVs, in CT-RATE's layout.
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.hpp"
#include "phantom/study_set_writer.hpp"
#include "tools/tool_frame.hpp"

namespace ctclip {
namespace {

/// The command line's own view of PhantomOptions: lists are vectors, labels are names.
struct PhantomCommand {
    PhantomOptions options;
    std::vector<std::int64_t> size{options.size.begin(), options.size.end()};
    std::vector<std::int64_t> findings{options.min_findings, options.max_findings};
    std::vector<std::string> only;
};

void bind_set(Schema& schema, PhantomCommand& command) {
    PhantomOptions& options = command.options;
    schema.option("--output", options.output, "new folder for volumes and CSVs").required();
    schema.option("--count", options.count, "studies").positive();
    schema.option("--seed", options.seed, "another seed, another set of patients");
    schema.option("--split", options.split, "first part of all names: train, valid");
    schema.option("--first_patient", options.first_patient, "number of the first patient").min(0);
    schema.option("--contact_sheet", options.contact_sheet,
                  "PNG of slices of the first 36 studies, to look at");
    schema.option("--threads", options.num_threads, "threads; 0: one per core. The files do not depend on it")
        .min(0);
}

void bind_files(Schema& schema, PhantomCommand& command) {
    PhantomOptions& options = command.options;
    schema.key("size", command.size, "voxels along x, y, z, up to 1024,1024,400").length(3).flag("--size");
    schema.option("--size_jitter", options.size_jitter,
                  "share by which each size varies from study to study");
    schema
        .choice("dtype", options.dtype,
                {{"int16", DType::kI16}, {"float32", DType::kF32}, {"float64", DType::kF64}}, "stored type")
        .flag("--dtype");
    schema
        .choice("compression", options.compression,
                {{"deflated", NpzCompression::kDeflated}, {"stored", NpzCompression::kStored}},
                "of the NPZ members")
        .flag("--compression");
    schema
        .choice("order", options.order, {{"C", ArrayOrder::kC}, {"F", ArrayOrder::kFortran}},
                "array order of the NPZ members")
        .flag("--order");
    schema
        .choice("units", options.units, {{"scanner", StoredUnits::kScanner}, {"hu", StoredUnits::kHu}},
                "scanner: the CSV's slope and intercept give HU (CT-RATE v1); hu: voxels are HU already, the "
                "CSV says otherwise (CT-RATE v2)")
        .flag("--units");
}

void bind_findings(Schema& schema, PhantomCommand& command) {
    PhantomOptions& options = command.options;
    schema.key("findings", command.findings, "fewest and most findings of a study")
        .length(2)
        .flag("--findings");
    schema.option("--prevalence", options.prevalence,
                  "each label by itself with this probability, instead of --findings");
    schema
        .key("only", command.only,
             "exactly these labels in every study (\"Lung nodule,Emphysema\"); none: healthy")
        .flag("--only");
    schema.option("--each", options.one_label_each, "one label a study, in the order of CT-RATE's columns");
    schema.option("--severity", options.severity, "size, number and contrast of the signs; 1: a clear case");
    schema
        .choice("report_style", options.report_style,
                {{"short", ReportStyle::kShort}, {"long", ReportStyle::kLong}}, "length of the reports")
        .flag("--report_style");
}

SignSet signs_named(std::vector<std::string> const& names) {
    SignSet signs;
    if (names == std::vector<std::string>{"none"}) {
        return signs;
    }
    for (std::string const& name : names) {
        auto const* const found = std::find(kAbnormalityNames.begin(), kAbnormalityNames.end(), name);
        require(found != kAbnormalityNames.end(), ExitCode::kUsage,
                "--only: '{}' is none of the labels of CT-RATE. They are: {}", name,
                fmt::join(kAbnormalityNames, ", "));
        signs.set(static_cast<std::size_t>(found - kAbnormalityNames.begin()));
    }
    return signs;
}

PhantomOptions options_of(PhantomCommand const& command) {
    PhantomOptions options = command.options;
    std::copy(command.size.begin(), command.size.end(), options.size.begin());
    options.min_findings = command.findings[0];
    options.max_findings = command.findings[1];
    if (!command.only.empty()) {
        options.fixed_signs = signs_named(command.only);
    }
    return options;
}

ExitCode make_phantoms(ToolContext& tool, PhantomCommand const& command) {
    PhantomOptions const options = options_of(command);
    check_options(options);
    Progress progress = tool.progress("phantoms", "volumes", options.count);
    StudySet const set = write_study_set(options, [&] { progress.advance(); });
    progress.finish();
    if (tool.is_json()) {
        nlohmann::json record = {{"schema", "ctclip.phantom/1"},    {"volumes", set.volumes.string()},
                                 {"reports", set.reports.string()}, {"metadata", set.metadata.string()},
                                 {"labels", set.labels.string()},   {"num_studies", set.num_studies},
                                 {"num_voxels", set.num_voxels}};
        if (options.contact_sheet) {
            record["contact_sheet"] = options.contact_sheet->string();
        }
        tool.write_json(record);
        return ExitCode::kDone;
    }
    tool.print("volumes   {}\nreports   {}\nmetadata  {}\nlabels    {}\n", set.volumes.string(),
               set.reports.string(), set.metadata.string(), set.labels.string());
    if (options.contact_sheet) {
        tool.print("picture   {}\n", options.contact_sheet->string());
    }
    return ExitCode::kDone;
}

}  // namespace
}  // namespace ctclip

int main(int argc, char** argv) {
    using namespace ctclip;
    return run_tool(
        argc, argv,
        {"ctclip-phantom",
         "writes made-up chest CT studies: NPZ volumes and the three CSVs, in CT-RATE's layout",
         {make_command<PhantomCommand>(
             "", "writes made-up chest CT studies",
             {{"ctclip-phantom --output phantoms --count 100", "100 studies with 0 to 3 findings each"},
              {"ctclip-phantom --output look --count 18 --each --contact_sheet look.png",
               "every abnormality once, and a picture of them"},
              {"ctclip-phantom --output big --count 2 --size 1024,1024,400 --dtype float64 --order F",
               "large ones"}},
             [](Schema& schema, PhantomCommand& command) {
                 bind_set(schema, command);
                 bind_files(schema, command);
                 bind_findings(schema, command);
             },
             make_phantoms)}});
}
