"""Names of quantities with certain bounds: CF standard names, and names that are common in files.

Patterns match whole names, in lower case. Standard names: CF Standard Name Table 85. What may be
negative by convention of some centre (evaporation, sensible heat, net radiation, runoff by
routing) is left out, as are reflectances: atmospheric correction makes them negative, glint lifts
them above 1, and a file that knows better says so in ``valid_range``.
"""

from __future__ import annotations

import re

__all__ = [
    "ABSOLUTE_TEMPERATURES",
    "COMMON_FRACTIONS",
    "COMMON_NOT_NEGATIVE",
    "COMMON_TEMPERATURES",
    "FRACTIONS",
    "NOT_NEGATIVE",
    "SIGNED",
    "SYMMETRIC_FRACTIONS",
]


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


SIGNED = _any_of(
    r"anom",
    r"tendency",
    r"difference",
    r"(?<!ex)change",
    r"deviation",
    r"departure",
    r"minus",
    r"(^|_)log(10|arithm)?(_|$)",
    r"correction",
    r"(^|_)(bias|trend|residual|increment|gradient|lapse_rate|product_of|covariance)(_|$)",
    r"divergence|convergence|derivative",
)
"""Signed whatever else the name says."""

SYMMETRIC_FRACTIONS = _any_of(r"normalized_difference_vegetation_index")
"""Between minus one whole and one whole."""

FRACTIONS = _any_of(
    r"(\w+_)?area_fraction(_\w+)?",
    r"(\w+_)?cloud_fraction",
    r"relative_humidity(_\w+)?",
    r"(mass|mole|volume)_fraction_of_\w+",
    r"specific_humidity(_\w+)?",
    r"probability_of_\w+|\w+_probability",
    r"(surface|planetary|cloud|soil|snow|surface_snow)_albedo(_\w+)?",
    r"surface_(longwave|microwave)_emissivity",
    r"fraction_of_\w+|\w+_fraction_of_\w+",
    r"soil_porosity|volume_fraction_of_condensed_water_in_soil(_\w+)?",
    r"(dust|snow|ice)_cover",
)
"""Between nothing and one whole, in the unit that the file names."""

NOT_NEGATIVE = _any_of(
    # Water in the air and on the ground.
    r"(\w+_)?(precipitation|rainfall|snowfall|hail_fall|graupel_fall)(_\w+)?",
    r"(absolute_humidity|humidity_mixing_ratio)(_\w+)?|\w+_mixing_ratio(_\w+)?",
    r"(atmosphere|troposphere|stratosphere)_(mass|mole|number)_content_of_\w+",
    r"(atmosphere_)?cloud_(liquid|ice)_water_(content|path)",
    r"moisture_content_of_soil_layer|soil_moisture_content|mass_content_of_water_in_soil(_\w+)?",
    r"canopy_water_amount|water_evapotranspiration_amount|root_depth",
    r"(surface_snow|snow|sea_ice|land_ice|floating_ice|lake_ice|snowpack)"
    r"_(thickness|amount|depth|volume|mass|density|area|extent|age)(_\w+)?",
    r"lwe_thickness_of_(surface_snow|precipitation|snowfall|rainfall|soil_moisture)\w*",
    r"thickness_of_(snowfall|rainfall|convective_\w+|stratiform_\w+)_amount",
    r"water_volume_transport_in_river_channel|river_discharge",
    # Matter in air and water.
    r"(mass|mole|number|volume|activity)_concentration_of_\w+|concentration_of_\w+",
    r"(\w+_)?optical_(thickness|depth)(_\w+)?",
    r"equivalent_thickness_at_stp_of_atmosphere_\w+_content",
    r"(\w+_)?partial_pressure(_of_\w+)?(_in_\w+)?",
    r"fractional_saturation_of_oxygen_in_sea_water|sea_water_turbidity",
    r"(sea_water|sea_surface)_(\w+_)?salinity(_\w+)?",
    r"(air|sea_water|sea_water_potential|snow|soil|sea_ice)_density",
    r"number_of_\w+|age_of_\w+|duration_of_\w+|\w+_duration",
    # Motion and waves.
    r"(\w+_)?speed(_of_\w+|_\w*wind\w*|_in_\w+|_at_\w+)?|magnitude_of_\w+",
    r"sea_surface_\w*wave_(significant_height|mean_height|maximum_height|\w*period\w*)",
    r"sea_surface_(swell|wind)_wave_\w*(height|period)\w*",
    r"(\w+_)?(specific_)?(turbulent_)?kinetic_energy(_\w+)?|\w*(diffusivity|viscosity)(_\w+)?",
    r"atmosphere_convective_available_potential_energy(_\w+)?|surface_roughness_length(_\w+)?",
    r"(atmosphere_boundary_layer|ocean_mixed_layer)_thickness(_\w+)?",
    # Radiation, pressure, vegetation.
    r"(surface_|toa_)?(down|up)welling_\w+",
    r"toa_(incoming|outgoing)_(short|long)wave_flux(_\w+)?|solar_irradiance",
    r"(surface_)?air_pressure(_at_\w+)?|tropopause_air_pressure|sea_water_pressure(_\w+)?",
    r"visibility_in_air|leaf_area_index|(above_ground_)?\w*biomass_content|vegetation_carbon_content",
    r"fire_radiative_power|burned_area|sea_water_electrical_conductivity",
)
"""Zero at least."""

ABSOLUTE_TEMPERATURES = _any_of(r"(\w+_)?temperature(_(at|in|of|due)_\w+)?")
"""Zero at least in Kelvin."""

COMMON_FRACTIONS = _any_of(
    r"clt|tcc|lcc|mcc|hcc|cloud_?(cover|fraction)|cld(frac)?",
    r"sic|siconc|aice|ice_?conc|sea_?ice_?(concentration|fraction|cover)",
    r"hurs?|rh(2m|um)?|relhum|relative_?humidity",
    r"huss?|q2m|specific_?humidity",
    r"albedo|fapar|fvc|fcover|snow_?cover|snc|sftlf|burned_fraction|probability|prob|pop",
)

COMMON_NOT_NEGATIVE = _any_of(
    r"pr|precip|prcp|precipitation|ppt|tp|rain|rainfall|rr|prate|tpcp|prc|prsn|sf|cp|lsp",
    r"swe|snow_?depth|snd|sd|snw|sithick|sit|ice_?thickness",
    r"hs|swh|vhm0|mwp|wspd|wind_?speed|ws|ws10|sfcwind|si10|gust",
    r"chl|chlor_a|chla|chlorophyll|sss|so|salinity",
    r"aod|aot|aod550|pm2_?5|pm10|no2|o3|so2|lai|rsds|rlds|rsdt|ssrd|strd|swdown|lwdown|cape",
)

COMMON_TEMPERATURES = _any_of(
    r"t|ta|tas(min|max)?|t2m|tmin|tmax|tmmn|tmmx|sst|tos|skt|lst|d2m|t[0-9]+|air_temperature"
)
