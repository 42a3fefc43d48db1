-- The school realm: institutions, what the school keeps of an account, families' children, groups of children.
-- `x_fold` is what patterns are compared with, `x_order` what lists are sorted by: see src/domain/listing.rs. Empty where x is absent.
CREATE TABLE institution (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    name_order TEXT NOT NULL,
    type TEXT NOT NULL,
    type_fold TEXT NOT NULL,
    type_order TEXT NOT NULL,
    address TEXT,
    address_fold TEXT NOT NULL,
    address_order TEXT NOT NULL,
    latitude TEXT,
    latitude_fold TEXT NOT NULL,
    latitude_order TEXT NOT NULL,
    longitude TEXT,
    longitude_fold TEXT NOT NULL,
    longitude_order TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT institution_name UNIQUE (name)
);
CREATE INDEX institution_by_name_fold ON institution (name_fold);
CREATE INDEX institution_by_name_order ON institution (name_order, id);
CREATE INDEX institution_by_type ON institution (type);
CREATE INDEX institution_by_type_fold ON institution (type_fold);
CREATE INDEX institution_by_type_order ON institution (type_order, id);
CREATE INDEX institution_by_address_order ON institution (address_order, id);
CREATE INDEX institution_by_latitude_order ON institution (latitude_order, id);
CREATE INDEX institution_by_longitude_order ON institution (longitude_order, id);

-- In the school realm `name` is the user name. Null where an account's role has no such thing.
ALTER TABLE account ADD COLUMN last_login_at INTEGER;
ALTER TABLE account ADD COLUMN institution_id TEXT REFERENCES institution (id);
ALTER TABLE account ADD COLUMN name_fold TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN name_order TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN gender TEXT;
ALTER TABLE account ADD COLUMN age TEXT;
ALTER TABLE account ADD COLUMN age_order TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN age_calc_date TEXT;
ALTER TABLE account ADD COLUMN application_name TEXT;
ALTER TABLE account ADD COLUMN application_name_fold TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN application_name_order TEXT NOT NULL DEFAULT '';
DROP INDEX account_by_role;
CREATE INDEX account_by_role ON account (role, id);
CREATE INDEX account_by_institution ON account (institution_id) WHERE institution_id IS NOT NULL;
CREATE INDEX member_by_id ON account (role, id) WHERE realm = 'school';
CREATE INDEX member_by_institution ON account (role, institution_id, id) WHERE realm = 'school';
CREATE INDEX member_by_name_fold ON account (role, name_fold) WHERE realm = 'school';
CREATE INDEX member_by_name_order ON account (role, name_order, id) WHERE realm = 'school';
CREATE INDEX member_by_gender ON account (role, gender, id) WHERE realm = 'school' AND role = 'child';
CREATE INDEX member_by_age ON account (role, age) WHERE realm = 'school' AND role = 'child';
CREATE INDEX member_by_age_order ON account (role, age_order, id) WHERE realm = 'school' AND role = 'child';
CREATE INDEX member_by_age_calc_date ON account (role, age_calc_date, id) WHERE realm = 'school' AND role = 'child';
CREATE INDEX member_by_application_name_order ON account (role, application_name_order, id)
    WHERE realm = 'school' AND role = 'application';

-- How many accounts of the school there are of a role: to count 100,000 takes longer than to show 100.
CREATE TABLE tally (
    role TEXT NOT NULL PRIMARY KEY,
    accounts INTEGER NOT NULL
);

CREATE TABLE family_child (
    family_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    child_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (family_id, child_id)
);
CREATE INDEX family_child_by_child ON family_child (child_id);

CREATE TABLE children_group (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    name_order TEXT NOT NULL,
    school_class TEXT,
    school_class_fold TEXT NOT NULL,
    school_class_order TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT children_group_owner_id_name UNIQUE (owner_id, name)
);
CREATE INDEX children_group_by_owner ON children_group (owner_id, id);
CREATE INDEX children_group_by_name_order ON children_group (owner_id, name_order, id);
CREATE INDEX children_group_by_school_class_order ON children_group (owner_id, school_class_order, id);

CREATE TABLE group_child (
    group_id TEXT NOT NULL REFERENCES children_group (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    child_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, child_id)
);
CREATE INDEX group_child_by_child ON group_child (child_id);
