#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/history/detail/file_digest.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/history/detail/verify_parts.hpp>
#include <luban/history/verify.hpp>
#include <optional>

namespace luban::history {
namespace {

class Verification {
 public:
  Verification(const std::filesystem::path& path, const core::CallControl& control) : path_(path), control_(control) {
    report_.path = path.string();
  }

  VerifyReport run() {
    std::optional<detail::TreeFile> file;
    try {
      if (std::filesystem::is_regular_file(path_)) check_seal();
      file.emplace(path_);
      detail::require_history(*file);
    } catch (const core::IntegrityError& error) {
      found("", error.what());
      return report_;
    }
    check_digest(*file);
    check_structure(*file);
    return report_;
  }

 private:
  void found(const std::string& object, const std::string& what) { report_.damages.push_back({object, what}); }

  void check_seal() {
    switch (detail::check_seal(path_)) {
      case detail::SealState::intact:
        return;
      case detail::SealState::missing:
        found("", "the seal is missing: the file was cut off or written by another program");
        return;
      case detail::SealState::broken:
        found("", "the seal does not fit: at least one byte of the file was changed after it was written");
    }
  }

  void check_digest(const detail::TreeFile& file) {
    report_.datasets = static_cast<std::int64_t>(file.datasets().size());
    report_.content_digest = detail::file_digest(
        file, control_,
        [this](const std::string& object, const core::Error& error) { found(object, error.detail().received); });
    const std::string stored = detail::text_attribute(file.groups().at("/"), "content_digest");
    if (stored != report_.content_digest) {
      found("/", "the content digest does not fit: data, names, units or attributes were changed");
    }
  }

  void check_structure(const detail::TreeFile& file) {
    Content content;
    try {
      content = detail::load_content(file);
    } catch (const core::Error& error) {
      found("", error.what());
      return;
    }
    report_.runs = static_cast<std::int64_t>(content.runs.size());
    report_.readings = static_cast<std::int64_t>(content.readings.size());
    for (const auto& events : content.responses) report_.events += static_cast<std::int64_t>(events.size());
    check_process(file, content);
    check_links(content);
    try {
      content.normalise();
    } catch (const core::DataError& error) {
      found(error.detail().place, "expected " + error.detail().expected + ", found " + error.detail().received);
      return;  // what follows from the columns cannot be told of columns that do not fit together
    }
    if (content.segment) report_.runs -= content.segment->continued;
    check_counts(content);
    check_derived(file, content);
    for (const auto& response : detail::stored_columns(file, "/responses")) check_keys(file, response.path, content);
  }

  void check_process(const detail::TreeFile& file, const Content& content) {
    const std::string stored = detail::text_attribute(file.groups().at("/"), "process_digest");
    try {
      if (content.current_process().digest() != stored) {
        found("/process", "the definition does not fit the root attribute process_digest");
      }
    } catch (const core::Error& error) {
      found("/process", error.what());
    }
  }

  void check_links(const Content& content) {
    std::string previous = content.segment ? content.segment->previous_link : std::string();
    for (std::size_t i = 0; i < content.provenance.size(); ++i) {
      const Provenance& entry = content.provenance[i];
      if (entry.previous != previous || entry.link != entry.computed_link()) {
        found("/provenance", "the chain of imports is broken at entry " + std::to_string(i));
      }
      previous = entry.link;
    }
  }

  void check_counts(const Content& content) {
    std::int64_t runs = report_.runs;  // what is left of them: sums of hostile counts would leave the range
    std::int64_t readings = report_.readings;
    for (const Provenance& entry : content.provenance) {
      if (entry.runs < 0 || entry.readings < 0 || entry.runs > runs || entry.readings > readings) {
        runs = -1;
        break;
      }
      runs -= entry.runs;
      readings -= entry.readings;
    }
    if (runs != 0 || readings != 0) {
      found("/provenance", "the imports do not account for the " + std::to_string(report_.runs) + " runs and " +
                               std::to_string(report_.readings) + " readings of the file");
    }
  }

  // What readers rely on to pass over data that cannot matter: it must follow from the data.
  void check_derived(const detail::TreeFile& file, const Content& content) {
    detail::Tree tree;
    try {
      tree = detail::to_tree(content);
    } catch (const core::Error& error) {
      found("", error.what());
      return;
    }
    for (const detail::GroupNode& group : tree.groups) {
      const auto stored = file.groups().find(group.path);
      if (!group.path.starts_with("/responses/") || stored == file.groups().end()) continue;
      for (const char* name : {"in_order", "all_usable", "latest_time"}) {
        const auto* value = detail::find(stored->second, name);
        if (value != nullptr && *value != *detail::find(group.attributes, name)) {
          found(group.path, std::string("the attribute ") + name + " does not follow from the events");
        }
      }
    }
    for (const detail::DatasetNode& node : tree.datasets) {
      if (!node.path.starts_with("/index/") || !file.has(node.path)) continue;
      try {
        const detail::ColumnData stored = file.read(node.path);
        if (detail::data_digest(detail::view_of(stored)) != detail::data_digest(node.data)) {
          found(node.path, "the bounds do not follow from the column");
        }
      } catch (const core::Error& error) {
        found(node.path, error.what());
      }
    }
  }

  // Each event repeats the key of its reading, so that segments can be joined: both must say the same.
  void check_keys(const detail::TreeFile& file, const std::string& response, const Content& content) {
    try {
      const auto reading = detail::load<std::int64_t>(file, response + "/reading");
      const auto run_id = detail::load<std::string>(file, response + "/run_id");
      const auto repeat = detail::load<std::int64_t>(file, response + "/repeat");
      bool fits = run_id.size() == reading.size() && repeat.size() == reading.size();
      for (std::size_t i = 0; fits && i < reading.size(); ++i) {
        const auto row = static_cast<std::size_t>(reading[i]);
        if (reading[i] == -1 && content.segment) continue;  // of an earlier segment
        fits = reading[i] >= 0 && row < content.readings.size() && repeat[i] == content.readings.repeat[row] &&
               run_id[i] == content.runs.run_id.at(static_cast<std::size_t>(content.readings.run[row]));
      }
      if (!fits) found(response, "run_id and repeat of the events do not fit the readings they point to");
    } catch (const core::Error& error) {
      found(response, error.what());
    } catch (const std::out_of_range&) {
      found(response, "events point to a run that does not exist");
    }
  }

  const std::filesystem::path& path_;
  const core::CallControl& control_;
  VerifyReport report_;
};

}  // namespace

VerifyReport detail::verify_file(const std::filesystem::path& path, const core::CallControl& control) {
  return Verification(path, control).run();
}

VerifyReport verify(const std::filesystem::path& path, const core::CallControl& control,
                    const std::filesystem::path& head) {
  if (std::filesystem::is_directory(path)) return detail::verify_folder(path, control, head);
  return detail::verify_file(path, control);
}

}  // namespace luban::history
