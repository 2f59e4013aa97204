#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/presets.hpp>

namespace luban::surrogate {

namespace {

HyperparameterSpec around(double centre, double sd, double low, double high) {
  return {.prior = {.kind = Prior::Kind::normal_log, .a = std::log(centre), .b = sd},
          .low = low,
          .high = high,
          .start = centre};
}

HyperparameterSpec known(double value) {
  return {.prior = {}, .low = value, .high = value, .start = value, .fixed = true};
}

void require(bool right, const char* expected, double received, const char* option) {
  if (right) return;
  throw core::ConfigurationError({.where = "surrogate.changed",
                                  .expected = expected,
                                  .received = core::number_text(received),
                                  .place = std::string("option ") + option,
                                  .hint = {}});
}

void embed(ModelSpec& model, int rank) {
  const FactorSpec embedding{
      .name = "category", .kind = FactorKind::embedding, .length = around(1.0, 1.0, 0.02, 20.0), .rank = rank};
  const std::size_t count = model.factors.size();
  for (std::size_t f = 0; f < count; ++f) {
    FactorSpec& factor = model.factors[f];
    if (factor.kind == FactorKind::categorical) {
      factor.kind = embedding.kind;
      factor.rank = rank;
      factor.length = embedding.length;
    } else if (factor.with_categories) {  // one distance becomes a product
      factor.with_categories = false;
      for (TermSpec& term : model.terms) {
        if (std::find(term.factors.begin(), term.factors.end(), f) != term.factors.end()) {
          term.factors.push_back(model.factors.size());
        }
      }
      model.factors.push_back(embedding);
    }
  }
}

// Multiplies every term by a factor of one input, at which no other factor looks.
void multiply(ModelSpec& model, FactorSpec factor) {
  for (FactorSpec& other : model.factors) other.without.push_back(factor.inputs.front());
  for (TermSpec& term : model.terms) term.factors.push_back(model.factors.size());
  model.factors.push_back(std::move(factor));
}

// Tasks share the response's course as far as the data say; each has its own level, with a wide prior.
void share_among_tasks(ModelSpec& model, const std::string& input) {
  multiply(model, {.name = "tasks",
                   .kind = FactorKind::coregionalisation,
                   .length = around(0.7, 0.5, 1e-3, 1e2),
                   .inputs = {input},
                   .own = around(0.2, 1.0, 1e-6, 1e2)});
  constexpr double apart = 0.02;  // a length at which two tasks have nothing in common
  model.terms.push_back(
      {.name = "level_of_task", .factors = {model.factors.size()}, .variance = around(0.5, 1.0, 1e-4, 1e2)});
  model.factors.push_back({.name = "task", .kind = FactorKind::categorical, .length = known(apart), .inputs = {input}});
}

}  // namespace

Preset changed(Preset base, const PresetChanges& changes) {
  require(changes.embedding_rank >= 0 && changes.embedding_rank <= 64, "0 to 64", changes.embedding_rank,
          "embedding_rank");
  require(changes.forgotten >= 0.0 && changes.forgotten < 1.0, "0 (learned) or a share below 1", changes.forgotten,
          "forgotten");
  ModelSpec& model = base.model;
  base.quiet.reset();
  if (changes.warped && !model.warp.used) {
    model.warp = {.used = true, .a = around(1.0, 0.75, 0.1, 10.0), .b = around(1.0, 0.75, 0.1, 10.0)};
    base.name += "+warped";
  }
  if (changes.embedded) {
    embed(model, changes.embedding_rank);
    base.name += "+embedded";
  }
  if (!changes.tasks.empty()) {
    share_among_tasks(model, changes.tasks);
    base.name += "+tasks:" + changes.tasks;
  }
  const HyperparameterSpec ratio = around(1.0, 1.0, 1e-4, 1e4);
  NoiseProfileSpec& noise = model.noise_profile;
  if (changes.noise_varies) noise = {.used = true, .ratio = ratio, .inputs = changes.noise_inputs};
  if (!changes.tasks.empty()) {
    if (!noise.used) noise = {.used = true, .ratio = ratio, .inputs = {changes.tasks}};
    const bool told = std::find(noise.inputs.begin(), noise.inputs.end(), changes.tasks) != noise.inputs.end();
    if (!noise.inputs.empty() && !told) noise.inputs.push_back(changes.tasks);
  }
  if (changes.noise_varies) base.name += "+noise";
  if (!changes.forgetting.empty()) {
    // A hundredth in a unit is an ordinary drift; three e-folds around it make room for other units.
    const HyperparameterSpec forgotten =
        changes.forgotten > 0.0 ? known(changes.forgotten) : around(0.01, 3.0, 1e-12, 0.5);
    multiply(model,
             {.name = "time", .kind = FactorKind::forgetting, .length = forgotten, .inputs = {changes.forgetting}});
    model.warp.without.push_back(changes.forgetting);
    base.name += "+forgetting:" + changes.forgetting;
  }
  return base;
}

}  // namespace luban::surrogate
