#include "config/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "base/error.hpp"
#include "config/nearest_name.hpp"

namespace po = boost::program_options;

namespace ctclip {
namespace {

/// One spelling of one flag.
struct Spelling {
    Schema* schema;
    KeyBinding* binding;
    std::string text;  ///< "--volumes", "-q"
};

std::vector<Spelling> spellings_of(std::vector<Schema*> const& schemas) {
    std::vector<Spelling> spellings;
    for (Schema* const schema : schemas) {
        for (auto const& binding : schema->bindings()) {
            if (!binding->flag.empty()) {
                spellings.push_back({schema, binding.get(), binding->flag});
                for (std::string const& alias : binding->aliases) {
                    spellings.push_back({schema, binding.get(), alias});
                }
            }
        }
    }
    return spellings;
}

po::options_description describe(std::vector<Spelling> const& spellings) {
    po::options_description description;
    for (Spelling const& spelling : spellings) {
        bool const is_long = spelling.text.starts_with("--");
        std::string const name = is_long ? spelling.text.substr(2) : "," + spelling.text.substr(1);
        auto* const semantic = po::value<std::string>();
        if (spelling.binding->is_switch()) {
            semantic->zero_tokens();
        }
        description.add_options()(name.c_str(), semantic);
    }
    return description;
}

std::vector<po::option> parse(std::vector<std::string> const& words, std::vector<Spelling> const& spellings) {
    po::options_description const description = describe(spellings);
    int const style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    try {
        return po::command_line_parser(words).options(description).style(style).run().options;
    } catch (po::unknown_option const& error) {
        std::vector<std::string> names;
        for (Spelling const& spelling : spellings) {
            names.push_back(spelling.text);
        }
        std::string const& name = error.get_option_name();
        auto const nearest = nearest_name(name, names);
        fail(ExitCode::kUsage, "unknown option {}. {}", name,
             nearest ? fmt::format("Did you mean {}?", *nearest) : "--help lists the options.");
    } catch (po::invalid_syntax const& error) {
        if (error.kind() == po::invalid_syntax::missing_parameter) {
            fail(ExitCode::kUsage, "option {} needs a value", error.get_option_name());
        }
        fail(ExitCode::kUsage, "{}", error.what());
    } catch (po::error const& error) {
        fail(ExitCode::kUsage, "{}", error.what());
    }
}

Spelling const& find_spelling(std::vector<Spelling> const& spellings, po::option const& option) {
    // Boost gives the name without dashes for long options and "-x" for short ones.
    auto const found = std::find_if(spellings.begin(), spellings.end(), [&](Spelling const& spelling) {
        return spelling.text == option.string_key || spelling.text == "--" + option.string_key;
    });
    CTCLIP_EXPECT(found != spellings.end());
    return *found;
}

struct PositionalPlace {
    Schema* schema;
    KeyBinding* binding;
};

std::vector<PositionalPlace> positionals_of(std::vector<Schema*> const& schemas) {
    std::vector<PositionalPlace> places;
    for (Schema* const schema : schemas) {
        for (auto const& binding : schema->bindings()) {
            if (binding->place == KeyPlace::kPositional) {
                places.push_back({schema, binding.get()});
            }
        }
    }
    return places;
}

}  // namespace

CommandLine::CommandLine(std::vector<std::string> words, std::vector<Schema*> const& schemas) {
    std::vector<Spelling> const spellings = spellings_of(schemas);
    std::vector<PositionalPlace> const places = positionals_of(schemas);
    std::size_t next_place = 0;
    for (po::option const& option : parse(words, spellings)) {
        if (option.string_key.empty()) {
            std::string const& word = option.value.front();
            require(next_place < places.size(), ExitCode::kUsage,
                    "'{}' is one word too many. --help shows the usage.", word);
            PositionalPlace const& place = places[next_place];
            given(*place.schema, *place.binding, place.binding->name).words.push_back(word);
            next_place += place.binding->is_list() ? 0 : 1;
            continue;
        }
        Spelling const& spelling = find_spelling(spellings, option);
        Given& entry = given(*spelling.schema, *spelling.binding, spelling.text);
        bool const may_repeat =
            spelling.binding->is_switch() ||
            (spelling.binding->is_list() && spelling.binding->place == KeyPlace::kFlagOnly);
        require(entry.words.empty() || may_repeat, ExitCode::kUsage, "{} is given twice ({}). Give it once.",
                spelling.binding->flag, entry.spelled);
        entry.words.push_back(option.value.empty() ? "true" : option.value.front());
    }
}

CommandLine::Given& CommandLine::given(Schema& schema, KeyBinding& binding, std::string const& spelled) {
    auto const found = std::find_if(given_.begin(), given_.end(),
                                    [&](Given const& entry) { return entry.binding == &binding; });
    return found != given_.end() ? *found : given_.emplace_back(Given{&schema, &binding, spelled, {}});
}

void CommandLine::apply_to(Schema& schema) const {
    for (Given const& entry : given_) {
        if (entry.schema == &schema) {
            schema.set_from_command_line(*entry.binding, entry.spelled, entry.words);
        }
    }
}

}  // namespace ctclip
