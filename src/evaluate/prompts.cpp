#include "evaluate/prompts.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {
namespace {

constexpr std::string_view kPlaceholder = "{label}";
constexpr std::uint64_t kPromptFileLimitBytes = 1 << 20;

struct Template {
    std::string positive;
    std::string negative;
};

std::string fill(std::string text, std::string const& label) {
    for (std::size_t at = text.find(kPlaceholder); at != std::string::npos;
         at = text.find(kPlaceholder, at + label.size())) {
        text.replace(at, kPlaceholder.size(), label);
    }
    return text;
}

PromptPair fill(Template const& sentences, std::string const& class_name) {
    return {class_name, fill(sentences.positive, class_name), fill(sentences.negative, class_name)};
}

Template read_template(nlohmann::json const& object, std::string const& file) {
    auto const sentence = [&](char const* name) {
        auto const found = object.find(name);
        require(found != object.end() && found->is_string() && !found->get<std::string>().empty(),
                ExitCode::kBadInput, "{}: a prompt needs the sentence '{}' (a non-empty string)", file, name);
        return found->get<std::string>();
    };
    return {sentence("positive"), sentence("negative")};
}

std::vector<PromptPair> read_prompts(std::string const& file, std::vector<std::string> const& class_names) {
    auto const root = nlohmann::json::parse(read_text_file(file, kPromptFileLimitBytes), nullptr, false);
    require(root.is_object(), ExitCode::kBadInput,
            "{}: not a JSON object with the sentences 'positive' and 'negative'", file);
    nlohmann::json const classes = root.value("classes", nlohmann::json::object());
    require(classes.is_object(), ExitCode::kBadInput, "{}: 'classes' must map class names to sentences",
            file);
    for (auto const& [name, sentences] : classes.items()) {
        require(std::find(class_names.begin(), class_names.end(), name) != class_names.end(),
                ExitCode::kBadInput, "{}: the labels have no class '{}'; correct its name or remove it", file,
                name);
    }
    std::vector<PromptPair> prompts;
    for (std::string const& name : class_names) {
        prompts.push_back(fill(read_template(classes.contains(name) ? classes[name] : root, file), name));
    }
    return prompts;
}

}  // namespace

std::vector<PromptPair> make_prompts(std::string const& prompt_set,
                                     std::vector<std::string> const& class_names) {
    std::vector<PromptPair> prompts;
    if (prompt_set != "there_is" && prompt_set != "is_present") {
        require(std::filesystem::exists(prompt_set), ExitCode::kBadConfig,
                "evaluate.prompts: '{}' is neither 'there_is', 'is_present' nor a file", prompt_set);
        return read_prompts(prompt_set, class_names);
    }
    Template const sentences = prompt_set == "there_is"
                                   ? Template{"There is {label}.", "There is no {label}."}
                                   : Template{"{label} is present.", "{label} is not present."};
    for (std::string const& name : class_names) {
        prompts.push_back(fill(sentences, name));
    }
    return prompts;
}

}  // namespace ctclip
