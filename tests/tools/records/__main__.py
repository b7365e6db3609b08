"""Write every table that is made of the records, as it should be."""

from tests.tools.records import all_tables
from tests.tools.written import write_what_differs

write_what_differs(all_tables())
