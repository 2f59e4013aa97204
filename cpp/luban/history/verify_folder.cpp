// What proves that a folder of segments is whole: the bytes of each, their chain, and its head kept apart.
#include <algorithm>
#include <chrono>
#include <luban/core/error.hpp>
#include <luban/history/detail/folder_manifest.hpp>
#include <luban/history/detail/key_join.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/detail/segment_files.hpp>
#include <luban/history/detail/verify_parts.hpp>
#include <optional>
#include <set>
#include <thread>

namespace luban::history::detail {
namespace {

class FolderVerification {
 public:
  FolderVerification(const std::filesystem::path& folder, const core::CallControl& control,
                     const std::filesystem::path& head)
      : folder_(folder), control_(control), head_(head.empty() ? default_head_file(folder) : head), mark_(folder) {
    report_.path = folder.string();
  }

  VerifyReport run() {
    const std::vector<std::string> files = segment_files();
    try {
      look();
    } catch (const core::IntegrityError& error) {
      found(manifest_name, error.what());
      return report_;
    }
    report_.segments = static_cast<std::int64_t>(manifest_.segments.size());
    report_.content_digest = manifest_.head();
    check_chain();
    check_heads();
    for (std::size_t k = 0; k < manifest_.segments.size(); ++k) check_segment(manifest_.segments[k]);
    if (report_.damages.empty()) check_keys();
    note_others(files);
    return report_;
  }

 private:
  void found(const std::string& object, const std::string& what) { report_.damages.push_back({object, what}); }

  /// Takes the list and its heads of one moment: a merge by a writer in between would look like an end written anew.
  void look() {
    constexpr int most_looks = 10;
    for (int look = 0; look < most_looks; ++look) {
      take_heads();
      manifest_ = FolderManifest::read_unchecked(folder_);
      const std::size_t before = heads_.size();
      take_heads();
      if (heads_.size() == before) return;
    }
  }

  void take_heads() {
    heads_.clear();
    heads_damage_.clear();
    try {
      heads_ = read_heads(head_);
    } catch (const core::IntegrityError& error) {
      heads_damage_ = error.what();
    }
  }

  /// First segment that does not follow from the one before it; the number of segments when all do.
  static std::size_t first_break(const std::vector<SegmentEntry>& segments) {
    std::string previous;
    for (std::size_t k = 0; k < segments.size(); ++k) {
      if (segments[k].previous != previous || segments[k].link != segments[k].computed_link()) return k;
      previous = segments[k].link;
    }
    return segments.size();
  }

  void check_chain() {
    const std::size_t bad = first_break(manifest_.segments);
    if (bad == manifest_.segments.size()) return;
    for (std::size_t other = bad + 1; other < manifest_.segments.size(); ++other) {
      std::vector<SegmentEntry> swapped = manifest_.segments;
      std::swap(swapped[bad], swapped[other]);
      if (first_break(swapped) != swapped.size()) continue;
      found(manifest_.segments[bad].file, "stands in the place of " + manifest_.segments[other].file +
                                              " and the other way round: the two were swapped");
      return;
    }
    const SegmentEntry& entry = manifest_.segments[bad];
    found(entry.file, entry.link != entry.computed_link()
                          ? "what the list of segments says of it was changed"
                          : "does not follow from the segment before it: one is missing, "
                            "was put in or was changed");
  }

  /// Names of segments, and of those that a writer put aside.
  [[nodiscard]] std::vector<std::string> segment_files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::string name = entry.path().filename().string();
      const bool is_aside =
          name.starts_with("." + std::string(segment_prefix)) && name.find(".unlisted") != std::string::npos;
      if (is_aside || is_segment_name(name)) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// Segments that no list names: of a crash, or of a newer state than the list that was put back. A writer names a
  /// segment a moment after it is there.
  void note_others(std::vector<std::string> files) {
    constexpr int most_looks = 6;
    constexpr std::chrono::milliseconds pause(40);
    std::set<std::string> known = manifest_.files();
    const auto is_settled = [&](const std::string& name) {
      return known.count(name) != 0 || !std::filesystem::exists(folder_ / name);
    };
    std::erase_if(files, is_settled);
    for (int look = 0; look < most_looks && !files.empty(); ++look) {
      if (look > 0) std::this_thread::sleep_for(pause);
      known.merge(FolderManifest::read_unchecked(folder_).files());
      std::erase_if(files, is_settled);
    }
    for (const std::string& name : files) {
      report_.notes.push_back("The list of segments does not name " + name +
                              ": a write that was cut short, or data that a list put back does not know.");
    }
  }

  void check_heads() {
    if (!heads_damage_.empty()) {
      found(head_.string(), heads_damage_);
      return;
    }
    std::vector<HeadRecord> heads = heads_;
    if (heads.empty()) {
      report_.notes.push_back("No file of heads at " + head_.string() +
                              ": segments removed from the end, or an end written anew, cannot be noticed.");
      return;
    }
    // A write that was begun and is not in the list never happened.
    std::erase_if(heads, [this](const HeadRecord& head) { return head.is_begun() && !manifest_.passes(head); });
    if (!heads.empty() && heads.back().uuid != manifest_.uuid) {
      found(head_.string(), "is of another history (" + heads.back().uuid + ")");
      return;
    }
    // A folder that was made anew under an old name: what stood there before says nothing of it.
    std::erase_if(heads, [this](const HeadRecord& head) { return head.uuid != manifest_.uuid; });
    // A merge of segments begins a new chain; what came before it says nothing of this one.
    auto first = heads.begin();
    for (auto head = heads.begin(); head != heads.end(); ++head) {
      if (head->reason == head_compact || head->reason == head_compact_begun) first = head;
    }
    if (first != heads.end()) check_against(first, heads.end());
  }

  template <typename Head>
  void check_against(Head first, Head last) {
    const std::size_t count = manifest_.segments.size();
    const auto most =
        std::max_element(first, last, [](const HeadRecord& a, const HeadRecord& b) { return a.segments < b.segments; });
    if (const auto noted = static_cast<std::size_t>(most->segments); noted > count) {
      found(manifest_name, std::to_string(noted - count) + " of " + std::to_string(noted) +
                               " segments were removed from the end: it was " + most->head.substr(0, 12) + "… at " +
                               core::UtcTime(core::Nanoseconds(most->time)).iso());
    }
    std::size_t whole = 0;  // so many segments are as some head says
    for (auto head = first; head != last; ++head) {
      const auto segments = static_cast<std::size_t>(head->segments);
      if (segments > count) continue;
      if (segments == 0 || manifest_.segments[segments - 1].link == head->head) {
        whole = std::max(whole, segments);
        continue;
      }
      found(manifest_.segments[std::min(whole, count - 1)].file,
            "from here on the segments were written anew: the end of the chain is not the one that was noted at " +
                core::UtcTime(core::Nanoseconds(head->time)).iso());
      return;
    }
  }

  /// The segment that these bytes were written as.
  [[nodiscard]] const SegmentEntry* written_as(const FileBytes& bytes) const {
    const auto same = std::find_if(manifest_.segments.begin(), manifest_.segments.end(),
                                   [&bytes](const SegmentEntry& entry) { return entry.sha256 == bytes.sha256; });
    return same == manifest_.segments.end() ? nullptr : &*same;
  }

  void check_segment(const SegmentEntry& entry) {
    control_.check("history.verify");
    const std::filesystem::path file = folder_ / entry.file;
    if (!entry.adds_up()) found(entry.file, "its imports did not bring the rows that the list says it has");
    if (!std::filesystem::is_regular_file(file)) {
      found(entry.file, "the file is missing");
      return;
    }
    const FileBytes bytes = hash_file(file);
    if (bytes.sha256 != entry.sha256 || bytes.count != entry.bytes) {
      if (const SegmentEntry* other = written_as(bytes); other != nullptr && bytes.sha256 != entry.sha256) {
        found(entry.file, "holds what was written as " + other->file + ": files were swapped or copied");
        return;
      }
      found(entry.file, "its bytes are not those that were written (" + std::to_string(bytes.count) + " bytes, " +
                            std::to_string(entry.bytes) + " written)");
    }
    const VerifyReport inside = verify_file(file, control_);
    for (const Damage& damage : inside.damages) found(entry.file + damage.object, damage.what);
    report_.runs += inside.runs;
    report_.readings += inside.readings;
    report_.events += inside.events;
    report_.datasets += inside.datasets;
    if (inside.damages.empty() && (inside.runs != entry.runs || inside.readings != entry.readings)) {
      found(entry.file, "the list of segments counts other runs and readings");
    }
    if (inside.damages.empty()) check_origin(entry.file);
  }

  /// Every segment says of which history it is, and when that began.
  void check_origin(const std::string& name) {
    const TreeFile file(folder_ / name);
    const Attributes& root = file.groups().at("/");
    if (text_attribute(root, "uuid") != manifest_.uuid) {
      found(name, "is of another history (" + text_attribute(root, "uuid") + ") than the list of segments says");
    }
    if (integer_attribute(root, "created_time") != manifest_.created_time) {
      found(manifest_name, "says another time of the first import than " + name);
    }
  }

  void check_keys() {
    const SegmentFiles files(folder_);
    const KeyJoin join(files);
    if (join.unresolved() > 0) {
      found("", std::to_string(join.unresolved()) + " late values belong to readings that no segment has");
    }
  }

  const std::filesystem::path& folder_;
  const core::CallControl& control_;
  std::filesystem::path head_;
  ReaderMark mark_;  ///< what the list names stays while it is looked at
  FolderManifest manifest_;
  std::vector<HeadRecord> heads_;
  std::string heads_damage_;  ///< why they cannot be read; "" = they can
  VerifyReport report_;
};

}  // namespace

VerifyReport verify_folder(const std::filesystem::path& folder, const core::CallControl& control,
                           const std::filesystem::path& head) {
  return FolderVerification(folder, control, head).run();
}

}  // namespace luban::history::detail
