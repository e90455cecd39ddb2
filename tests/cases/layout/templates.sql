{% set top = 3 %}
select
{% for region in ['eu', 'us'] %}
sum({{ region }}) as "{{ region }}", {%- if region == 'eu' %} 1 as first, {% endif %}
{% endfor %}
{{day}} as day, 'x-{{ day }}' as text, '{{ a | default('b') }}' as quoted
from {{ table | ident }} {# a note #} where day = {{ day }} and
region in ({{ regions | join(', ') }})
