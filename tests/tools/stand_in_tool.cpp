// A tool for the tests of the frame.
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "tools/tool_frame.hpp"

namespace {

struct ListOptions {
    std::vector<std::filesystem::path> files;
    std::int64_t repeat = 1;
};

ctclip::ExitCode list(ctclip::ToolContext& tool, ListOptions const& options) {
    for (std::int64_t i = 0; i < options.repeat; ++i) {
        for (auto const& file : options.files) {
            if (tool.is_json()) {
                tool.write_json({{"schema", "test.list/1"}, {"file", file.string()}});
            } else {
                tool.print("{}\n", file.string());
            }
        }
    }
    return ctclip::ExitCode::kDone;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace ctclip;
    struct NoOptions {};
    return run_tool(argc, argv,
                    {"stand_in_tool",
                     "is for tests",
                     {make_command<ListOptions>(
                          "list", "lists its arguments", {{"stand_in_tool list a b", "prints a and b"}},
                          [](Schema& schema, ListOptions& options) {
                              schema.positional("FILE", options.files, "files").required();
                              schema.option("--repeat", options.repeat, "so many times").positive();
                          },
                          list),
                      make_command<NoOptions>(
                          "compare", "finds a difference", {}, [](Schema&, NoOptions&) {},
                          [](ToolContext&, NoOptions const&) { return ExitCode::kDifferent; }),
                      make_command<NoOptions>(
                          "fail", "fails", {}, [](Schema&, NoOptions&) {},
                          [](ToolContext&, NoOptions const&) -> ExitCode {
                              fail(ExitCode::kBadInput, "x.h5: broken");
                          })}});
}
