"""Names that our own columns have, so that a log's column of the same name disturbs none.

``python tests/words.py`` writes the list anew; a test bills a log that uses all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

WORDS = """
accrued_cents add_on add_on_billed add_on_billed_rows add_on_charge add_on_charge_rows add_on_code
add_on_of add_on_rows after after_deductible_cents aide alike_ms all all_begun all_beyond
all_billed all_ended all_kept all_maps all_modifiers all_ms all_units allowed allowed_cents
allowed_most alone alone_ also amid anti apart apart_from are as_dict as_series ascii asked asks_
asks_provider assistant assistant_doubt assistant_marks assistant_minutes assistant_ms
assistant_policy assistant_rest assistant_rows assistant_share assistant_share_percent
assistant_units assistant_units_billed assistant_units_due assistant_whole at at_cut at_fault
at_next attendance audit audit_limits audited authority backward bad bare bare_cents before
before_cents begins beside beyond beyond_turn big bigint bill billed billed_cents billed_of_day
billed_rows billed_scheduled_cents billing billing_lines bills blank_allowed bold boolean bottom
bound_to bundled busy by by_day by_modifiers by_quarters calc_caller carried cents cf
chance_per_million charge charge_cents charge_rows charged_units check claim claimed claimed_codes
claimed_rows claims clash clash_kind clash_rule clashes clinician clinician_2 clinician_day
clinician_lost_ms clinician_minutes clinician_ms clinicians clock clock_ms clocked clocks
cloned_day cloned_days cloned_days_limit closes cluster cms code code_2 code_modifiers code_number
code_units codes coinsurance coinsurance_cents coinsurance_percent column1 column2 company complex
compression config_folders constant_memory contractor conversion_factor cotreatment count counted
counted_cents counted_ms counted_rows counting_rule counts created crowded cut cut_minutes
cut_more daily_cents date date_date date_day date_day_text date_order date_there dates day
day_group day_kept day_minutes day_number day_over_cents day_refused day_spoilt day_turn
day_unbilled day_undocumented day_units day_units_billed day_unminuted day_unpayable
day_unpayable_cents day_unsupported_cents day_whole day_without_cents day_without_minutes
day_wrong days days_since de_minimis de_minimis_percent deductible deductible_cents default
default_factory dense diagnoses diagnosis diagnosis_list diagonal_relaxed digest discipline
discipline_2 discipline_blank disciplines distinct_1 distinct_rows divided dmy documented
documented_rows dollars doubled_minutes doubled_ms doubt dtype dtypes duckdb due duration eager
eager_only earlier elapsed elsewhere_cents encoding end end_1 end_clock_ms end_day end_ms end_ms_2
end_offset end_spoilt ends engine episode error errors estimate evaluation evaluation_days
evaluation_days_limit excess exist_ok expected false false_discovery_percent
false_discovery_percent_limit family fault fault_rule federal_holidays fee fee_cents fee_table
figures file file_2 file_number files fill_value filled fills finding findings fingerprint first
first_billed first_billed_rows first_charge first_charge_rows first_clinician first_code
first_date first_file first_minutes first_misplaced first_place first_row first_unit_minutes
first_year fitting flags forward found fresh from frozen full full_busy full_earlier full_end
full_units given_ms given_ms_2 glob gpci gpci_edition group group_cents group_divided
group_doubled group_kept group_turn group_units group_unminuted group_without group_without_cents
group_wrong habit halved has_add_on has_from has_header has_place has_prior has_until header_row
heading heap heap_days heaped hex high high_ highest hint holds_from holds_ms holiday holidays how
idle idle_units ignore ignore_errors ignore_nulls in_ in_pool in_sweep include_header include_key
indicator individual infer_schema info infos inner instant interval is is_first joint joint_ms
kept kept_cents kept_scheduled_cents kept_units key kind known known_ known_fingerprints kx
kx_bucket kx_due kx_each kx_early kx_least_cents kx_left_ot kx_left_pt_slp kx_rows kx_threshold
kx_threshold_cents lane last last_clinician last_code last_date lasting leads leads_file least
least_year_cents left left_ left_cents left_on left_units len length_ms less_fee less_logged
less_minutes less_pe less_rest lie lies limit limiting_charge line line_cents line_cents_after
line_turn lines literal local locality locality_blank locality_number log logged logged_twice
look_for looked_at loose lost lost_cents lost_ms low low_ lz4 mai maintain_order mapping maps mark
marked_bills marked_kx marked_kx_rows marked_plain marked_plain_rows marked_rows marks maxlen
maxsize mdy measured medicare medicare_cents medicare_code medicare_pays message met meta
minute_rows minutes minutes_ms misplaced missing mode modified modifier_indicator modifiers
modifiers_billed money month more_codes more_minutes more_rows most most_cents most_ms moved
mp_gpci mp_rvu mppr mppr_indicator mppr_percent mue mue_code name named named_code near near_days
near_threshold needs_kx never never_checked next next_minutes next_more no_discipline no_room
no_threshold none nonparticipating notes null nulls_equal num_format number object odd odd_group
off_day off_list offset offset_ms on on_five on_quarter one one_on_one one_on_one_minutes one_team
open opening_deductible_cents opens options order_by orient other outside over_cents
overbilled_cents overlap overnight own own_begun own_billed own_busy own_cents own_cf
own_charge_cents own_earlier own_ended own_fee_cents own_minutes own_ms own_reduced_cents
own_units paid_cents paid_year pair parents part part_b part_b_year participation_percent parts
past_midnight patient patient_2 patient_cents patient_lane patient_minutes patient_pays
patient_units patients payer payer_ payer_2 payer_assistant_cut payer_blank payer_fee_table
payer_mppr payer_part_b payer_sequestration pe_gpci pe_rvu percent period place place_in_service
plain plain_rows planning polars pool pool_minutes pool_whole pooled predicate_pushdown
price_reason price_status priced priced_lines primary_billed primary_documented printed prior
prior_cents program projection_pushdown provider provider_2 provider_blank providers ptp pyarrow
quote_char raise_if_empty rank_per_million raw_units rb reading reason redacted_code
redacted_place redacted_text reduced_cents reduced_fee reducible refused refused_rows
refused_units remaining repeat report rest_minutes return_dtype reverses right right_on role
role_2 role_blank role_blank_2 room round_percent round_sessions row row_2 row_place rows rows_of
rows_read rows_rejected rows_used rule rule_first_minutes rule_pool rule_unit_minutes run run_rows
running rvu rvu_edition said said_apart same same_minutes same_ms says_ scheduled_cents schema
schema_overrides second seconds seed select semi separator sequestration sequestration_permille
service service_2 service_assistant_minutes service_assistant_units service_minutes service_units
services sessions settles several severity sha256 share_cents share_of_medicare share_percent
shared_ms shares sheet sheet_minutes short skip_rows slack slice_pushdown so_far_cents somebody
sort span_minutes spark sparse spent spilt split spoilt spoilt_units square stacklevel stamped
stamps start start_1 start_clock_ms start_date start_day start_ms start_ms_2 start_offset
start_order start_spoilt starts status strategy streaming stretch strict string
strings_to_formulas strings_to_numbers strings_to_urls student suffix sum_ms sum_of_day supported
supported_cents supported_scheduled_cents sure taken_ taken_ms text text_of_ theirs therapist
therapist_minutes therapist_ms therapist_rest tie ties time_zone timed timed_code timed_days
timed_minutes timed_ms timed_rows times timesheet timespec title together told top total
total_minutes total_ms treatment_day turn twice twin_rows two_payers tz unbilled uncharged
uncharged_rows unclocked underbilled_cents undocumented unheard unit unit_basis unit_basis_2
unit_minutes unit_rows units units_after units_again units_bare units_billed units_billed_2
units_claimed units_high units_logged units_lost units_low units_of_assistant units_of_refused
units_supported units_unjudged units_without units_without_minutes unknown unminuted
unminuted_rows unnamed unnamed_rows unpaid unpayable unpayable_cents unpayable_units unpriced
unpriced_lines unpriced_year unread unsupported_cents unsure until untimed unzoned utc_day vague
vague_1 valign value varchar version vertical visit visit_spilt visits waived waiver wall wanted
warning warnings what where whole whole_cents whole_units whose windowed with_add_on with_twins
withheld_cents without without_cents work_cents work_gpci work_nano work_payment work_rvu
wrap_numerical wrong year year_cents year_deductible_cents year_spent zone zoned
"""
_RESERVED = frozenset(WORDS.split())
_MARK = " (log)"


def carried(name: str) -> str:
    """The name under which a log's own column is carried."""
    return f"{name}{_MARK}" if _plain(name) in _RESERVED else name


def shown(name: str) -> str:
    """The name under which a carried column is written."""
    return name.removesuffix(_MARK) if _plain(name) in _RESERVED else name


def _plain(name: str) -> str:
    while name.endswith(_MARK):
        name = name.removesuffix(_MARK)
    return name


def in_log(name: str, names: Iterable[str]) -> str:
    """The name for a log's own column where an output has one of that name, unlike all others."""
    taken = set(names)
    while name in taken:
        name += "_in_log"
    return name
